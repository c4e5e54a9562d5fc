// How many users a new definition of a flag moves to another variant, told from the two definitions
// alone: no sample, so nobody can write a targeting that moves everybody but the sample. What
// cannot be told counts as everybody. Pure; any thread.
#pragma once

#include <cstdint>

#include "control/flags/model.h"

namespace flagmesh::flags {

// Parts per million of all targeting keys; keys fall evenly into buckets.
inline constexpr uint32_t kEverybody = 1'000'000;

struct MovedShare {
  uint32_t ppm = 0;   // at most so many get another variant, or another value of the same one
  bool exact = true;  // false: fewer may be moved

  bool operator==(const MovedShare&) const = default;
};

// Never too low for users who have a targeting key (where a `fractional` has a key source of its
// own: as if its values fell evenly). Null: the flag does not exist there; a flag that is new moves
// nobody, one that goes moves everybody.
//
//   new weights or entries in a `fractional` of the same key source               the exact share
//   a `fractional` by targeting key instead of one variant, or the other way      the exact share
//   branches of an `if` whose conditions stay                   the largest share of a branch
//   metadata, description, a variant that is added                                0
//   anything else: conditions, values, the default variant, the state             everybody
MovedShare moved_share(const FlagDefinition* before, const FlagDefinition* after);

// The new definition only stops the flag: it is DISABLED, or gives everybody one of the variants
// that it had, without targeting. Unless `any_variant`, that one has to be the default variant that
// it had: a kill must not be a way to give everybody something new.
bool is_kill(const FlagDefinition& before, const FlagDefinition& after, bool any_variant);

}  // namespace flagmesh::flags
