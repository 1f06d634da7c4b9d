// A forked child that runs a function, for tests of what holds between processes.
//
//   ChildProcess child([&](ChildProcess::Channel& parent) {
//     ... parent.say(); ... parent.hear(); ...
//     return 0;                       // the exit status
//   });
//   child.channel().hear();           // waits for say(), or for the child's end
//   EXPECT_EQ(child.wait(), 0);
//
// The child ends by _exit, so nothing of the test's own runs twice. Fork only while no other thread
// of the test runs.
#pragma once

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <stdexcept>

namespace syncline {

class ChildProcess {
 public:
  // One end of a line between the two.
  class Channel {
   public:
    explicit Channel(int socket) : socket_(socket) {}
    ~Channel() { ::close(socket_); }
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;
    // One byte over; the other side may be gone already, which its hear() or wait() tells.
    bool say() {
      const char byte = '.';
      return ::send(socket_, &byte, 1, MSG_NOSIGNAL) == 1;
    }
    // Waits for one byte; false when the other side has ended.
    bool hear() {
      char byte = 0;
      ssize_t count = 0;
      do {
        count = ::read(socket_, &byte, 1);
      } while (count < 0 && errno == EINTR);
      return count == 1;
    }

   private:
    int socket_;
  };

  template <typename Body>
  explicit ChildProcess(Body body) : ChildProcess(make_sockets(), body) {}
  ~ChildProcess() {
    if (pid_ > 0) kill_and_wait();
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  Channel& channel() { return channel_; }
  pid_t pid() const { return pid_; }
  // The exit status, or 128 + the signal that ended it.
  int wait() {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  int kill_and_wait() {
    ::kill(pid_, SIGKILL);
    return wait();
  }

 private:
  struct Sockets {
    int ends[2];
  };
  static Sockets make_sockets() {
    Sockets sockets{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.ends) != 0) {
      throw std::runtime_error("socketpair failed");
    }
    return sockets;
  }

  template <typename Body>
  ChildProcess(Sockets sockets, Body& body) : channel_(sockets.ends[0]) {
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("fork failed");
    if (pid_ == 0) {
      ::close(sockets.ends[0]);
      Channel parent(sockets.ends[1]);
      _exit(body(parent));
    }
    ::close(sockets.ends[1]);
  }

  Channel channel_;
  pid_t pid_ = -1;
};

}  // namespace syncline
