// The least that a call can be: a static program that does nothing.
int main() {
  return 0;
}
