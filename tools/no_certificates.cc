// libgit2 reads and decodes every certificate authority of the system when it is initialised: 51
// million instructions, more than half of what a call that folds takes. Nothing here speaks TLS
// through libgit2: it reads objects, and git itself pushes. So the program has mbed TLS's function
// of that name itself, and is asked first where libgit2's symbols are looked up; where libgit2 was
// built with another library for TLS, nobody asks.
//
// The linker is told to export the name (tools/meson.build).
extern "C" int mbedtls_x509_crt_parse_file(void* chain, const char* path);

extern "C" int mbedtls_x509_crt_parse_file(void* /*chain*/, const char* /*path*/) {
  return 0;
}
