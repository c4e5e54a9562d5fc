// One stream socket: reads into the worker's scratch, writes batches at once, holds memory only while bytes wait.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "proxy/base/buffer.h"
#include "proxy/base/output.h"
#include "proxy/event/loop.h"
#include "proxy/net/address.h"
#include "proxy/net/io_context.h"
#include "proxy/net/transport.h"

namespace flagmesh::net {

enum class CloseCause : uint8_t {
  kPeer,   // orderly end: the peer closed its side and everything was read
  kError,  // reset, timeout of the kernel, refused: see the errno
};

// What a connection tells its owner, on the loop's thread. The owner may close the connection in any of these, but destroys it only
// through the loop's DeferredDeleter or outside of its callbacks.
class ConnectionHandler {
 public:
  // Connecting, or the handshake, ended well (only after start_connect or start_handshake).
  virtual void on_connected() {}
  // Bytes came. Returns how many were taken; the others are kept and shown again, with more behind them, at the next read or after
  // resume(). `bytes` lives until this returns; what is borrowed from it into an output batch is written before that memory is reused.
  // A handler that closes the connection inside returns anything: it is not looked at, and `bytes` still lives until this returns.
  virtual size_t on_bytes(std::string_view bytes) = 0;
  // No byte can come any more. kPeer: the connection can still be written to until the owner closes it; `error` is not 0 when a security
  // layer was not told of the end, so that what came may be cut short. kError: it is closed already.
  // Once, but a connection whose peer had ended tells of the end of close_when_written() (kPeer), or that it broke (kError). Not called
  // after close().
  virtual void on_close(CloseCause cause, int error) = 0;
  // Bytes that had to wait for the peer have gone below the low watermark.
  virtual void on_write_ready() {}

 protected:
  ~ConnectionHandler() = default;
};

// Owned by its session or pool entry, by value; not movable. All on one loop's thread.
class Connection final : private event::IoHandler, private event::TurnTask {
 public:
  // Reasons to stop reading; reading goes on when no bit is left.
  static constexpr uint8_t kPauseBusy = 1;        // the handler works on what it has
  static constexpr uint8_t kPauseBackpressure = 2;  // the other side is slow

  Connection(IoContext& context, ConnectionHandler& handler) : context_(context), handler_(handler) {}
  ~Connection() override { close(); }

  // Takes over a connected socket. Reading begins at the end of this turn at the earliest.
  Status start(int fd, std::unique_ptr<Transport> transport = nullptr);
  // Takes over a connected socket and does the handshake of `transport`; on_connected() or on_close() follows on a later turn.
  Status start_handshake(int fd, std::unique_ptr<Transport> transport);
  // Connects, and does the handshake of `transport` if there is one; on_connected() or on_close() follows on a later turn.
  Status start_connect(const Address& to, std::unique_ptr<Transport> transport = nullptr);
  // Lets the socket go as it is, to be started somewhere else: REQUIRES: nothing waits to be written, nothing was kept.
  struct Detached {
    int fd = -1;
    std::unique_ptr<Transport> transport;
  };
  Detached detach();

  // The batch to append to. It is written when the current callback ends if it borrowed, else a few callbacks later at the most and
  // before this connection's next one (io_context.h). REQUIRES: is_open().
  Output& output();
  // Bytes handed to us that the kernel has not taken (batch excluded).
  size_t waiting() const { return waiting_ == nullptr ? 0 : waiting_->size() + unsent(); }

  void pause(uint8_t reason) { paused_ |= reason; }
  // When no reason is left, kept bytes are shown again and reading goes on at the end of this turn.
  void resume(uint8_t reason);
  bool paused() const { return paused_ != 0; }
  // What comes here begins work: under load it is read only when it is its turn (event::Loop::may_begin).
  void be_patient() { flags_ |= kPatient; }

  // Closes now: what was not written is lost. No callback follows.
  void close();
  // Closes with a reset instead of an orderly end, so that the peer cannot take what it got for complete.
  void abort();
  // Writes what is left, then ends: sends FIN and reads and drops what the peer still sends for a moment, so that it can read our last
  // words (RFC 9112 §9.6). No callback but on_close() follows.
  void close_when_written();
  // The same for a peer that said it sends nothing more (Connection: close), of which nothing is unread: closes as soon as all is
  // written, without the wait that protects last words, as nginx does. Four system calls less.
  void close_at_once_when_written();
  // Sends FIN once what waits is written; reading goes on (tunnels).
  void shutdown_write();

  bool is_open() const { return fd_ >= 0; }
  bool connecting() const { return (flags_ & kConnecting) != 0; }
  bool closing() const { return (flags_ & kClosing) != 0; }
  int fd() const { return fd_; }
  Transport* transport() { return transport_.get(); }
  IoContext& context() { return context_; }
  // Bytes that came and were not taken.
  std::string_view kept() const { return kept_ == nullptr ? std::string_view() : kept_->view(); }

 private:
  friend class IoContext;
  static constexpr uint16_t kConnecting = 1;
  static constexpr uint16_t kClosing = 2;     // close when written
  static constexpr uint16_t kReadable = 4;    // an edge came and the socket is not drained
  static constexpr uint16_t kPeerClosed = 8;  // EPOLLRDHUP: read to the end
  static constexpr uint16_t kShutdown = 16;   // FIN when written
  static constexpr uint16_t kShutdownDone = 32;
  static constexpr uint16_t kDirty = 64;
  static constexpr uint16_t kWriteBroken = 128;  // writing failed: read what came before, then tell
  static constexpr uint16_t kEnded = 256;        // the peer's end was told
  static constexpr uint16_t kHandshaking = 512;  // kConnecting is set, too: nothing may be written yet
  static constexpr uint16_t kPatient = 1024;
  static constexpr uint16_t kNoLinger = 2048;

  void on_io(bool readable, bool writable, bool closed) override;
  void on_turn() override;
  void connect_finished();
  void handshake();
  size_t unsent() const { return transport_ == nullptr ? 0 : transport_->unsent(); }
  void say_end();
  void read_some();
  // False when the connection was closed meanwhile.
  bool show(std::string_view fresh);
  bool show_kept(std::string_view fresh);
  void read_ended(const IoResult& result);
  void fail_with(CloseCause cause, int error);
  void flush();
  void write_batch(const Output& batch);
  void write_waiting();
  void write_failed(int error);
  void all_written();
  IoResult read(std::span<char> into);
  IoResult write(std::span<const iovec> parts);

  IoContext& context_;
  ConnectionHandler& handler_;
  event::Io io_;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<Output> batch_;
  std::unique_ptr<Buffer> kept_;     // came, not taken
  std::unique_ptr<Buffer> waiting_;  // written to us, not taken by the kernel; may be empty while something is unsent()
  Connection* next_dirty_ = nullptr;
  int fd_ = -1;
  uint16_t flags_ = 0;
  uint8_t paused_ = 0;
};

}  // namespace flagmesh::net
