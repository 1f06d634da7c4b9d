#include "engine/store/backlog.h"

#include <gtest/gtest.h>

namespace syncline {
namespace {

TEST(BacklogBound, NothingIsKnownBeforeALook) {
  const BacklogBound bound;
  EXPECT_FALSE(bound.bytes({1, 4096}, 0));
  EXPECT_EQ(bound.leaves_room({1, 4096}, 0, 1u << 30), std::nullopt);
}

TEST(BacklogBound, GrowsWithTheLogAndNeverByCommits) {
  BacklogBound bound;
  bound.note({3, 8192}, 50, 1000);
  EXPECT_EQ(bound.bytes({3, 8192}, 50), 1000u);
  EXPECT_EQ(bound.bytes({3, 8192 + 500}, 50), 1500u);
  EXPECT_EQ(bound.bytes({3, 8192 + 500}, 70), 1500u);
  EXPECT_EQ(bound.leaves_room({3, 8192 + 500}, 70, 1501), true);
  EXPECT_EQ(bound.leaves_room({3, 8192 + 500}, 70, 1500), std::nullopt);
}

TEST(BacklogBound, WhatALookFoundFullIsFullUntilACommitWhereverTheLogEnds) {
  BacklogBound bound;
  bound.note({3, 8192}, 50, 1500);
  EXPECT_EQ(bound.leaves_room({3, 8192}, 50, 1500), false);
  EXPECT_EQ(bound.leaves_room({4, 4096}, 50, 1500), false);
  EXPECT_EQ(bound.leaves_room({3, 8192}, 51, 1500), std::nullopt);
  EXPECT_EQ(bound.leaves_room({3, 8192}, 49, 1500), std::nullopt);
}

TEST(BacklogBound, AnOlderEndThanThatOfTheLookTakesNothingAway) {
  BacklogBound bound;
  bound.note({3, 8192}, 50, 1000);
  EXPECT_EQ(bound.bytes({3, 4096}, 50), 1000u);
}

TEST(BacklogBound, AnotherSegmentOrAWatermarkSetBackAsksForALook) {
  BacklogBound bound;
  bound.note({3, 8192}, 50, 1000);
  EXPECT_FALSE(bound.bytes({4, 4096}, 50));
  EXPECT_FALSE(bound.bytes({2, 4096}, 50));
  EXPECT_FALSE(bound.bytes({3, 8192}, 49));
}

}  // namespace
}  // namespace syncline
