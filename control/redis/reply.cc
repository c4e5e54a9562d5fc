#include "control/redis/reply.h"

#include <hiredis/hiredis.h>
#include <hiredis/read.h>

#include <cstring>
#include <utility>

namespace flagmesh::redis {

// hiredis calls back for every value; what is made is counted here.
struct ReplyReader::Impl {
  ReplyLimits limits;
  redisReader* reader = nullptr;
  redisReplyObjectFunctions functions{};
  std::unique_ptr<Reply> root;  // of the reply that is being read
  size_t nodes = 0;
  size_t bytes = 0;
  const char* over = nullptr;  // which limit was passed

  // A place for the next value: the root, or one more element of the array that is being read. An
  // array grows only when the one inside it is complete, so pointers into it stay good. Null, which
  // hiredis takes for a lack of memory, when a limit is passed.
  Reply* place(const redisReadTask* task, Reply::Type type) {
    if (++nodes > limits.nodes) return refuse("too many values");
    Reply* at = nullptr;
    if (task->parent == nullptr) {
      root = std::make_unique<Reply>();
      at = root.get();
    } else {
      at = &static_cast<Reply*>(task->parent->obj)->elements.emplace_back();
    }
    at->type = type;
    return at;
  }
  Reply* refuse(const char* what) {
    over = what;
    return nullptr;
  }
};

struct ReplyReader::Callbacks {
  using Impl = ReplyReader::Impl;

  static Impl* impl(const redisReadTask* task) { return static_cast<Impl*>(task->privdata); }

  static void* make_string(const redisReadTask* task, char* text, size_t size) {
    Impl* self = impl(task);
    if (size > self->limits.bulk_bytes) return self->refuse("a string is too long");
    self->bytes += size;
    if (self->bytes > self->limits.bytes) return self->refuse("it is too large");
    Reply::Type type = Reply::Type::kString;
    if (task->type == REDIS_REPLY_STATUS) type = Reply::Type::kStatus;
    if (task->type == REDIS_REPLY_ERROR) type = Reply::Type::kError;
    Reply* reply = self->place(task, type);
    if (reply != nullptr) reply->text.assign(text, size);
    return reply;
  }
  static void* make_array(const redisReadTask* task, int elements) {
    Impl* self = impl(task);
    if (elements < 0 || static_cast<size_t>(elements) > self->limits.array) {
      return self->refuse("an array is too long");
    }
    return self->place(task, Reply::Type::kArray);
  }
  static void* make_integer(const redisReadTask* task, long long value) {
    Reply* reply = impl(task)->place(task, Reply::Type::kInteger);
    if (reply != nullptr) reply->integer = value;
    return reply;
  }
  static void* make_nil(const redisReadTask* task) {
    return impl(task)->place(task, Reply::Type::kNil);
  }
  static void free_object(void*) {}  // Impl::root owns everything
};

ReplyReader::ReplyReader(ReplyLimits limits) : impl_(std::make_unique<Impl>()) {
  impl_->limits = limits;
  impl_->functions = {Callbacks::make_string, Callbacks::make_array, Callbacks::make_integer,
                      Callbacks::make_nil, Callbacks::free_object};
  impl_->reader = redisReaderCreateWithFunctions(&impl_->functions);
  if (impl_->reader != nullptr) impl_->reader->privdata = impl_.get();
}

ReplyReader::~ReplyReader() {
  if (impl_->reader != nullptr) redisReaderFree(impl_->reader);
}

Status ReplyReader::feed(std::string_view bytes) {
  redisReader* reader = impl_->reader;
  if (reader == nullptr) return fail("bad_reply", "there is no memory for a reply");
  const size_t held = reader->len - reader->pos;
  if (held + bytes.size() > impl_->limits.bytes + impl_->limits.line_bytes) {
    return fail("bad_reply", "half a reply is longer than any may be");
  }
  if (redisReaderFeed(reader, bytes.data(), bytes.size()) != REDIS_OK) {
    return fail("bad_reply", "there is no memory for a reply");
  }
  return {};
}

Result<std::optional<Reply>> ReplyReader::next() {
  redisReader* reader = impl_->reader;
  void* reply = nullptr;
  if (redisReaderGetReply(reader, &reply) != REDIS_OK) {
    const std::string why = impl_->over != nullptr ? impl_->over : reader->errstr;
    return fail("bad_reply", "Redis answered what is no reply: " + why);
  }
  if (reply == nullptr) {
    // What is left begins with a line: one that does not end would be looked through again and
    // again.
    const size_t held = reader->len - reader->pos;
    if (held > impl_->limits.line_bytes &&
        memchr(reader->buf + reader->pos, '\n', impl_->limits.line_bytes) == nullptr) {
      return fail("bad_reply", "Redis answered what is no reply: a line does not end");
    }
    return std::nullopt;
  }
  impl_->nodes = 0;
  impl_->bytes = 0;
  return std::move(*std::exchange(impl_->root, nullptr));
}

Result<std::optional<std::string>> Reply::optional_text() && {
  if (type == Type::kNil) return std::nullopt;
  if (type == Type::kString) return std::move(text);
  if (is_error()) return fail("redis_error", "Redis says: " + text);
  return fail("unexpected_reply", "Redis answered with another type than a string");
}

Status Reply::ok() const {
  if (is_error()) return fail("redis_error", "Redis says: " + text);
  return {};
}

std::string format_command(const std::vector<std::string_view>& words) {
  std::vector<const char*> starts;
  std::vector<size_t> sizes;
  for (const std::string_view word : words) {
    starts.push_back(word.data());
    sizes.push_back(word.size());
  }
  char* text = nullptr;
  const int size =
      redisFormatCommandArgv(&text, static_cast<int>(words.size()), starts.data(), sizes.data());
  if (size < 0) return {};
  std::string command(text, static_cast<size_t>(size));
  redisFreeCommand(text);
  return command;
}

}  // namespace flagmesh::redis
