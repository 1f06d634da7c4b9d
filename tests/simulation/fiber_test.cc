#include "tests/simulation/fiber.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace syncline::simulation {
namespace {

TEST(FiberTest, TwoTakeTurns) {
  std::string trace;
  Fiber* first_fiber = nullptr;
  Fiber* second_fiber = nullptr;
  Fiber first([&] {
    trace += 'a';
    first_fiber->leave();
    trace += 'c';
  });
  Fiber second([&] {
    trace += 'b';
    second_fiber->leave();
    trace += 'd';
  });
  first_fiber = &first;
  second_fiber = &second;
  first.resume();
  second.resume();
  first.resume();
  second.resume();
  EXPECT_EQ(trace, "abcd");
  EXPECT_TRUE(first.done());
  EXPECT_TRUE(second.done());
}

TEST(FiberTest, AnExceptionIsCaughtOnItsOwnStack) {
  for (int round = 0; round < 100; ++round) {
    bool caught = false;
    Fiber fiber([&] {
      try {
        throw std::runtime_error("inside");
      } catch (const std::runtime_error&) {
        caught = true;
      }
    });
    fiber.resume();
    EXPECT_TRUE(caught);
  }
}

}  // namespace
}  // namespace syncline::simulation
