// Runs a program in a world where io_uring is forbidden, as containers' default profiles do:
//
//   refuse_io_uring PROGRAM ARGUMENT…
//
// A seccomp filter answers io_uring_setup with EPERM and lets everything else through; the filter
// is inherited over exec and by children. Exit 125 when the filter could not be set: then nothing
// was run and nothing can be concluded.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>

int main(int argument_count, char** arguments) {
  constexpr int kCannotFilter = 125;
  if (argument_count < 2) {
    std::fprintf(stderr, "usage: refuse_io_uring PROGRAM ARGUMENT...\n");
    return kCannotFilter;
  }
  sock_filter instructions[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{.len = sizeof instructions / sizeof instructions[0],
                           .filter = instructions};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    std::fprintf(stderr, "refuse_io_uring: cannot set the filter: %s\n", std::strerror(errno));
    return kCannotFilter;
  }
  execvp(arguments[1], arguments + 1);
  std::fprintf(stderr, "refuse_io_uring: %s: %s\n", arguments[1], std::strerror(errno));
  return 127;
}
