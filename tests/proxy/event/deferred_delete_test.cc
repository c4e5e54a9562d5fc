#include "proxy/event/deferred_delete.h"

#include <gtest/gtest.h>

namespace flagmesh::event {
namespace {

struct Chain final : DeferredDeletable {
  Chain(DeferredDeleter& to, int& counter, int more) : deleter(to), deaths(counter), left(more) {}
  ~Chain() override {
    ++deaths;
    if (left > 0) deleter.push(std::make_unique<Chain>(deleter, deaths, left - 1));
  }
  DeferredDeleter& deleter;
  int& deaths;
  const int left;
};

TEST(DeferredDeleter, DeletesAtDrainAndWhatIsPushedMeanwhile) {
  DeferredDeleter deleter;
  int deaths = 0;
  deleter.push(std::make_unique<Chain>(deleter, deaths, 3));
  deleter.push(std::make_unique<Chain>(deleter, deaths, 0));
  EXPECT_EQ(deaths, 0);
  deleter.drain();
  EXPECT_EQ(deaths, 5);
  deleter.drain();
  EXPECT_EQ(deaths, 5);
}

}  // namespace
}  // namespace flagmesh::event
