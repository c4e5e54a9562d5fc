#include "proxy/event/resolver.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace flagmesh::event {

namespace {

std::string text_of(const sockaddr* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address->sa_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text.data(),
              text.size());
  } else if (address->sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, text.data(),
              text.size());
  }
  return text.data();
}

ResolvedName name_of(const ares_addrinfo& info) {
  ResolvedName result;
  int ttl = -1;
  const auto shorten = [&ttl](int other) { ttl = ttl < 0 ? other : std::min(ttl, other); };
  for (const ares_addrinfo_node* node = info.nodes; node != nullptr; node = node->ai_next) {
    std::string text = text_of(node->ai_addr);
    if (text.empty()) continue;
    result.addresses.push_back(std::move(text));
    shorten(node->ai_ttl);
  }
  for (const ares_addrinfo_cname* cname = info.cnames; cname != nullptr; cname = cname->next)
    shorten(cname->ttl);
  std::ranges::sort(result.addresses);
  const auto twice = std::ranges::unique(result.addresses);
  result.addresses.erase(twice.begin(), twice.end());
  result.ttl_s = ttl < 0 ? 0 : static_cast<uint32_t>(ttl);
  return result;
}

const char* code_of(int status) {
  switch (status) {
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
    case ARES_ENONAME:
      return "no_such_name";
    case ARES_ETIMEOUT:
      return "dns_timeout";
    default:
      return "dns_failed";
  }
}

// c-ares tells them apart as NXDOMAIN, SERVFAIL and so on.
Result<ResolvedName> result_of(const std::string& name, int status, const ares_addrinfo* info) {
  if (status != ARES_SUCCESS) return fail(code_of(status), ares_strerror(status), name);
  ResolvedName found = info == nullptr ? ResolvedName() : name_of(*info);
  if (found.addresses.empty()) return fail("no_such_name", "the name has no address", name);
  return found;
}

}  // namespace

class Resolver::Impl final : private TurnTask {
 public:
  explicit Impl(Loop& loop)
      : loop_(loop),
        timer_(
            [](void* self) { static_cast<Impl*>(self)->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); },
            this) {}
  ~Impl() override {
    ending_ = true;
    if (channel_ != nullptr) ares_destroy(channel_);  // calls back for each query that is under way
  }

  Status open(const ResolverOptions& options);
  void resolve(const std::string& name, Done done);

 private:
  struct Query {
    Impl* resolver;
    std::string name;
    Done done;
  };
  struct Finished {
    Done done;
    Result<ResolvedName> result;
  };
  // A socket of c-ares; it says what it waits for, and closes it.
  struct Socket final : IoHandler {
    Socket(Impl& owner, int descriptor) : resolver(owner), fd(descriptor) {}
    void on_io(bool readable, bool writable, bool) override {
      resolver.process(readable ? fd : ARES_SOCKET_BAD, writable ? fd : ARES_SOCKET_BAD);
    }
    Impl& resolver;
    const int fd;
    Io io;
  };

  static void on_socket(void* self, ares_socket_t fd, int readable, int writable);
  static void on_answer(void* query, int status, int timeouts, ares_addrinfo* info);
  void process(int readable, int writable);
  void arm();
  void on_turn() override;

  Loop& loop_;
  Timer timer_;
  ares_channel channel_ = nullptr;
  std::map<int, std::unique_ptr<Socket>> sockets_;
  std::vector<Finished> finished_;  // told at the end of the turn
  bool ending_ = false;
};

Status Resolver::Impl::open(const ResolverOptions& options) {
  ares_options vendor{};
  const int mask = ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS;
  std::string lookups = "fb";  // files, then DNS
  vendor.sock_state_cb = &Impl::on_socket;
  vendor.sock_state_cb_data = this;
  vendor.timeout = static_cast<int>(options.timeout_ms);
  vendor.tries = static_cast<int>(options.tries);
  vendor.lookups = lookups.data();
  int status = ares_init_options(&channel_, &vendor, mask);
  if (status != ARES_SUCCESS) {
    channel_ = nullptr;
    return fail("dns_failed", std::string("cannot set up DNS: ") + ares_strerror(status));
  }
  if (!options.servers.empty())
    status = ares_set_servers_ports_csv(channel_, options.servers.c_str());
  if (status != ARES_SUCCESS) return fail("dns_failed", ares_strerror(status), options.servers);
  return {};
}

void Resolver::Impl::resolve(const std::string& name, Done done) {
  auto query =
      std::make_unique<Query>(Query{.resolver = this, .name = name, .done = std::move(done)});
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_flags =
      ARES_AI_NOSORT;  // sorting asks the kernel for a route to each; whoever uses them decides
  ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, &Impl::on_answer, query.release());
  arm();
}

void Resolver::Impl::on_answer(void* context, int status, int, ares_addrinfo* info) {
  const std::unique_ptr<Query> query(static_cast<Query*>(context));
  Impl& self = *query->resolver;
  if (!self.ending_) {
    self.finished_.push_back({std::move(query->done), result_of(query->name, status, info)});
    self.loop_.schedule(self);
  }
  if (info != nullptr) ares_freeaddrinfo(info);
}

void Resolver::Impl::on_socket(void* context, ares_socket_t fd, int readable, int writable) {
  Impl& self = *static_cast<Impl*>(context);
  // Every change is a new registration: the old one ends before c-ares closes the descriptor.
  self.sockets_.erase(fd);
  if (self.ending_ || (readable == 0 && writable == 0)) return;
  auto socket = std::make_unique<Socket>(self, fd);
  const Io::Mode mode = readable == 0   ? Io::Mode::kLevelWrite
                        : writable == 0 ? Io::Mode::kLevelRead
                                        : Io::Mode::kLevelReadWrite;
  // One that cannot be watched ends by its timeout.
  if (socket->io.open(self.loop_, fd, mode, *socket)) self.sockets_[fd] = std::move(socket);
}

void Resolver::Impl::process(int readable, int writable) {
  ares_process_fd(channel_, readable, writable);
  arm();
}

void Resolver::Impl::arm() {
  timeval wait{};
  if (ares_timeout(channel_, nullptr, &wait) == nullptr) {
    timer_.disarm();
    return;
  }
  const auto ms =
      static_cast<MonoMs>(wait.tv_sec) * 1'000 + static_cast<MonoMs>(wait.tv_usec) / 1'000 + 1;
  timer_.set(loop_.timers(), loop_.now_ms() + ms);
}

void Resolver::Impl::on_turn() {
  std::vector<Finished> told;
  told.swap(finished_);
  for (Finished& one : told) one.done(std::move(one.result));
}

Resolver::Resolver(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Resolver::~Resolver() = default;

Result<std::unique_ptr<Resolver>> Resolver::create(Loop& loop, const ResolverOptions& options) {
  auto impl = std::make_unique<Impl>(loop);
  if (Status opened = impl->open(options); !opened) return std::unexpected(opened.error());
  return std::unique_ptr<Resolver>(new Resolver(std::move(impl)));
}

void Resolver::resolve(const std::string& name, Done done) {
  impl_->resolve(name, std::move(done));
}

}  // namespace flagmesh::event
