#include "control/redis/client.h"

#include "tests/control/redis/redis_server.h"

namespace flagmesh::redis {
namespace {

// Accepts connections and says what the test wants, whatever it is asked.
class FakeRedis {
 public:
  FakeRedis() {
    char folder[] = "/tmp/flagmesh-fake-XXXXXX";
    folder_ = mkdtemp(folder);
    fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(fd_, 8), 0);
  }
  ~FakeRedis() {
    for (const int fd : peers_) close(fd);
    close(fd_);
    std::filesystem::remove_all(folder_);
  }
  std::string path() const { return folder_ + "/fake.sock"; }
  ClientOptions client() const {
    ClientOptions options;
    options.place.host = "unix:" + path();
    options.backoff_min_ms = 5;
    options.backoff_max_ms = 20;
    return options;
  }
  // Accepts who knocks and says `words` to each.
  size_t serve(std::string_view words) {
    for (;;) {
      const int peer = accept(fd_, nullptr, nullptr);
      if (peer < 0) return peers_.size();
      peers_.push_back(peer);
      EXPECT_EQ(send(peer, words.data(), words.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(words.size()));
    }
  }

 private:
  std::string folder_;
  int fd_ = -1;
  std::vector<int> peers_;
};

std::string code_of(const Status& status) {
  return status ? "" : status.error().code;
}

TEST(Client, CommandsAndReplies) {
  RedisServer server;
  Pump pump;
  Hand redis(pump, server);
  EXPECT_EQ(redis({"SET", "k", "v"}).text, "OK");
  EXPECT_EQ(redis({"GET", "k"}).text, "v");
  EXPECT_TRUE(redis({"GET", "nothing"}).is_nil());
  EXPECT_TRUE(redis({"NONSENSE"}).is_error());
  const std::string large(8 * 1024 * 1024, 'x');
  EXPECT_EQ(redis({"SET", "large", large}).text, "OK");
  EXPECT_EQ(redis({"GET", "large"}).text, large);
}

TEST(Client, RepliesComeInOrderAndNeverInsideTheCall) {
  RedisServer server;
  Pump pump;
  Client client(pump.context(), server.client());
  client.start({});
  ASSERT_TRUE(pump.until([&] { return client.connected(); }));
  std::vector<int64_t> seen;
  for (int i = 0; i < 100; i++) {
    client.command({"INCR", "n"}, [&](Result<Reply> reply) { seen.push_back(reply->integer); });
  }
  EXPECT_TRUE(seen.empty());
  ASSERT_TRUE(pump.until([&] { return seen.size() == 100; }));
  for (int i = 0; i < 100; i++) EXPECT_EQ(seen[static_cast<size_t>(i)], i + 1);
}

TEST(Client, SubscriberHearsAndTellsWhenItWasAcknowledged) {
  RedisServer server;
  Pump pump;
  Hand redis(pump, server);
  std::vector<std::string> heard;
  Client client(pump.context(), server.client());
  client.subscribe_to({"one", "two"}, [&](std::string_view channel, std::string_view text) {
    heard.push_back(std::string(channel) + "=" + std::string(text));
  });
  client.start({});
  ASSERT_TRUE(pump.until([&] { return client.connected(); }));
  // From the acknowledgement on nothing is missed.
  EXPECT_EQ(redis({"PUBLISH", "one", "a"}).integer, 1);
  EXPECT_EQ(redis({"PUBLISH", "two", "b"}).integer, 1);
  ASSERT_TRUE(pump.until([&] { return heard.size() == 2; }));
  EXPECT_EQ(heard[0], "one=a");
  EXPECT_EQ(heard[1], "two=b");
}

TEST(Client, ComesBackAfterARestart) {
  RedisServer server;
  Pump pump;
  std::vector<std::string> states;
  Client client(pump.context(), server.client());
  client.start([&](const Status& status) { states.push_back(code_of(status)); });
  ASSERT_TRUE(pump.until([&] { return client.connected(); }));
  server.stop();
  ASSERT_TRUE(pump.until([&] { return !client.connected(); }));
  std::string refused;
  client.command({"GET", "k"}, [&](Result<Reply> reply) { refused = reply.error().code; });
  EXPECT_EQ(refused, "");
  ASSERT_TRUE(pump.until([&] { return !refused.empty(); }));
  EXPECT_EQ(refused, "unavailable");
  server.start();
  ASSERT_TRUE(pump.until([&] { return client.connected(); }));
  EXPECT_EQ(states.front(), "");
  EXPECT_EQ(states[1], "disconnected");
  EXPECT_EQ(states.back(), "");
}

TEST(Client, FrozenRedisIsNoticed) {
  RedisServer server;
  Pump pump;
  ClientOptions options = server.client();
  options.ping_every_ms = 50;
  options.reply_timeout_ms = 200;
  options.connect_timeout_ms = 200;
  std::vector<std::string> states;
  Client commands(pump.context(), options);
  commands.start([&](const Status& status) { states.push_back(code_of(status)); });
  Client subscriber(pump.context(), options);
  subscriber.subscribe_to({"c"}, [](std::string_view, std::string_view) {});
  subscriber.start({});
  ASSERT_TRUE(pump.until([&] { return commands.connected() && subscriber.connected(); }));
  pump.run_for(600);  // silence with pings is fine
  EXPECT_TRUE(commands.connected() && subscriber.connected());
  server.freeze();
  EXPECT_TRUE(pump.until([&] { return !commands.connected() && !subscriber.connected(); }));
  EXPECT_EQ(states.at(1), "timed_out");
  server.thaw();
  EXPECT_TRUE(pump.until([&] { return commands.connected() && subscriber.connected(); }));
}

TEST(Client, PasswordUserAndDatabase) {
  RedisServer server({"--requirepass", "open sesame"});
  Pump pump;
  const auto outcome = [&](const std::string& user, const std::string& password) {
    ClientOptions options = server.client();
    options.user = user;
    options.password = password;
    options.database = 3;
    std::vector<Status> states;
    Client client(pump.context(), options);
    client.start([&](const Status& status) { states.push_back(status); });
    EXPECT_TRUE(pump.until([&] { return !states.empty(); }));
    if (states[0]) return std::string("ok");
    EXPECT_EQ(states[0].error().text().find(password), std::string::npos);
    return states[0].error().code;
  };
  EXPECT_EQ(outcome("", "open sesame"), "ok");
  EXPECT_EQ(outcome("default", "open sesame"), "ok");
  EXPECT_EQ(outcome("", "wrong-secret"), "auth_failed");
  EXPECT_EQ(outcome("nobody", "open sesame"), "auth_failed");
  ClientOptions options = server.client();
  std::vector<Status> states;
  Client client(pump.context(), options);
  client.start([&](const Status& status) { states.push_back(status); });
  EXPECT_TRUE(pump.until([&] { return !states.empty(); }));
  EXPECT_EQ(code_of(states[0]), "auth_failed");
}

TEST(Client, RedisThatAnswersGarbageIsLeft) {
  for (const char* words :
       {"HTTP/1.1 400 Bad Request\r\n\r\n", "*2147483647\r\n", ":1\r\n:2\r\n:3\r\n",
        "+PONG\r\n+what\r\n", "-LOADING soon\r\n", "-ERR no AUTH 'hunter2'\r\n"}) {
    FakeRedis fake;
    Pump pump;
    std::vector<Status> states;
    Client client(pump.context(), fake.client());
    client.start([&](const Status& status) { states.push_back(status); });
    EXPECT_TRUE(pump.until([&] {
      return fake.serve(words) > 2 && states.size() > 2;  // it comes again, and again
    })) << words;
    for (const Status& status : states) {
      if (status) continue;
      EXPECT_EQ(status.error().text().find("hunter2"), std::string::npos);
    }
    EXPECT_FALSE(client.connected() && states.back()) << words;
  }
}

TEST(Client, SubscriberThatIsSentGarbageComesAgain) {
  for (const char* words :
       {"+PONG\r\n:1\r\n", "+PONG\r\n*3\r\n:1\r\n:2\r\n:3\r\n", "+PONG\r\n*0\r\n",
        "+PONG\r\n*1\r\n$7\r\nmessage\r\n", "+PONG\r\n-NOPERM\r\n"}) {
    FakeRedis fake;
    Pump pump;
    Client client(pump.context(), fake.client());
    client.subscribe_to({"c"}, [](std::string_view, std::string_view) { ADD_FAILURE(); });
    client.start({});
    EXPECT_TRUE(pump.until([&] { return fake.serve(words) > 2; })) << words;
    EXPECT_FALSE(client.connected());
  }
}

TEST(Client, NothingComesAfterItIsGone) {
  RedisServer server;
  Pump pump;
  bool called = false;
  auto client = std::make_unique<Client>(pump.context(), server.client());
  client->start({});
  ASSERT_TRUE(pump.until([&] { return client->connected(); }));
  client->command({"GET", "k"}, [&](const Result<Reply>&) { called = true; });
  client.reset();
  pump.run_for(50);
  EXPECT_FALSE(called);
}

TEST(Client, MayBeDestroyedInItsOwnCallbacks) {
  RedisServer server;
  Pump pump;
  auto client = std::make_unique<Client>(pump.context(), server.client());
  client->start({});
  ASSERT_TRUE(pump.until([&] { return client->connected(); }));
  client->command({"GET", "k"}, [&](const Result<Reply>&) { client.reset(); });
  client->command({"GET", "k"}, [](const Result<Reply>&) { ADD_FAILURE(); });
  ASSERT_TRUE(pump.until([&] { return client == nullptr; }));
  pump.run_for(20);
}

TEST(Client, NamesAreLookedUpOffTheLoop) {
  Pump pump;
  ClientOptions options;
  options.place.host = "no-such-host.invalid";
  std::vector<Status> states;
  Client client(pump.context(), options);
  client.start([&](const Status& status) { states.push_back(status); });
  EXPECT_TRUE(pump.until([&] { return !states.empty(); }));
  EXPECT_FALSE(states[0]);
  // A lookup that is under way when its client goes is nobody's any more.
  auto other = std::make_unique<Client>(pump.context(), options);
  other->start({});
  pump.loop().run_once(0);
  other.reset();
}

TEST(Client, OnlyAMasterWillDoWhenItIsAskedFor) {
  RedisServer server;
  Pump pump;
  Hand hand(pump, server);
  hand({"REPLICAOF", "127.0.0.1", "1"});
  ClientOptions options = server.client();
  options.require_master = true;
  std::vector<std::string> states;
  Client client(pump.context(), options);
  client.start([&](const Status& status) { states.push_back(code_of(status)); });
  ASSERT_TRUE(pump.until([&] { return states.size() > 2; }));
  EXPECT_EQ(states[0], "not_master");
  hand({"REPLICAOF", "NO", "ONE"});
  EXPECT_TRUE(pump.until([&] { return client.connected(); }));
}

TEST(Client, ThePlaceIsAskedForAtEveryAttempt) {
  RedisServer server;
  Pump pump;
  ClientOptions options = server.client();
  int asked = 0;
  options.where = [&]() -> Result<Place> {
    if (asked++ < 2) return fail("no_master", "not yet");
    return server.client().place;
  };
  std::vector<std::string> states;
  Client client(pump.context(), options);
  client.start([&](const Status& status) { states.push_back(code_of(status)); });
  ASSERT_TRUE(pump.until([&] { return client.connected(); }));
  EXPECT_EQ(states, (std::vector<std::string>{"no_master", "no_master", ""}));
}

}  // namespace
}  // namespace flagmesh::redis
