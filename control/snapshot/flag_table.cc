// An AVL tree whose nodes are never changed: a new version is a new path from the root, the
// subtrees beside it are shared. Heights of siblings differ by one at most, so 100,000 flags are at
// most 24 levels deep.
#include "control/snapshot/flag_table.h"

#include <algorithm>
#include <utility>

namespace flagmesh::snapshot {

struct FlagTable::Node {
  std::shared_ptr<const FlagEntry> entry;
  std::shared_ptr<const Node> left;
  std::shared_ptr<const Node> right;
  int height = 1;
};

namespace {

using Node = FlagTable::Node;
using NodePtr = std::shared_ptr<const Node>;
using EntryPtr = std::shared_ptr<const FlagEntry>;

struct Key {
  std::string_view tenant;
  std::string_view key;
  auto operator<=>(const Key&) const = default;
};
Key key_of(const FlagEntry& entry) {
  return {entry.tenant(), entry.key()};
}

int height(const NodePtr& node) {
  return node == nullptr ? 0 : node->height;
}

NodePtr make(NodePtr left, EntryPtr entry, NodePtr right) {
  const int tall = 1 + std::max(height(left), height(right));
  return std::make_shared<const Node>(
      Node{std::move(entry), std::move(left), std::move(right), tall});
}

// make() for subtrees whose heights differ by two at most, after one insertion or removal.
NodePtr balanced(const NodePtr& left, const EntryPtr& entry, const NodePtr& right) {
  if (height(left) > height(right) + 1) {
    if (height(left->left) >= height(left->right)) {
      return make(left->left, left->entry, make(left->right, entry, right));
    }
    const Node& middle = *left->right;
    return make(make(left->left, left->entry, middle.left), middle.entry,
                make(middle.right, entry, right));
  }
  if (height(right) > height(left) + 1) {
    if (height(right->right) >= height(right->left)) {
      return make(make(left, entry, right->left), right->entry, right->right);
    }
    const Node& middle = *right->left;
    return make(make(left, entry, middle.left), middle.entry,
                make(middle.right, right->entry, right->right));
  }
  return make(left, entry, right);
}

// `added` becomes true when the key was not there before.
NodePtr inserted(const NodePtr& node, const Key& key, EntryPtr entry, bool& added) {
  if (node == nullptr) {
    added = true;
    return make(nullptr, std::move(entry), nullptr);
  }
  const Key here = key_of(*node->entry);
  if (key < here) {
    return balanced(inserted(node->left, key, std::move(entry), added), node->entry, node->right);
  }
  if (here < key) {
    return balanced(node->left, node->entry, inserted(node->right, key, std::move(entry), added));
  }
  return make(node->left, std::move(entry), node->right);
}

NodePtr without_first(const NodePtr& node) {
  if (node->left == nullptr) return node->right;
  return balanced(without_first(node->left), node->entry, node->right);
}

// REQUIRES: the key is in the tree.
NodePtr removed(const NodePtr& node, const Key& key) {
  const Key here = key_of(*node->entry);
  if (key < here) return balanced(removed(node->left, key), node->entry, node->right);
  if (here < key) return balanced(node->left, node->entry, removed(node->right, key));
  if (node->right == nullptr) return node->left;
  const Node* first = node->right.get();
  while (first->left != nullptr) first = first->left.get();
  return balanced(node->left, first->entry, without_first(node->right));
}

NodePtr built(std::span<EntryPtr> sorted) {
  if (sorted.empty()) return nullptr;
  const size_t middle = sorted.size() / 2;
  NodePtr left = built(sorted.first(middle));
  NodePtr right = built(sorted.subspan(middle + 1));
  return make(std::move(left), std::move(sorted[middle]), std::move(right));
}

// False when the visitor stopped.
bool visit_from(const Node* node, const Key& from,
                const std::function<bool(const FlagEntry&)>& visit) {
  if (node == nullptr) return true;
  if (key_of(*node->entry) < from) return visit_from(node->right.get(), from, visit);
  return visit_from(node->left.get(), from, visit) && visit(*node->entry) &&
         visit_from(node->right.get(), from, visit);
}

// What is left to visit of one version, next on top: whole subtrees, or single entries.
class Pending {
 public:
  explicit Pending(const Node* root) { push(root); }

  bool empty() const { return stack_.empty(); }
  const Node* top() const { return stack_.back().node; }
  bool top_is_entry() const { return stack_.back().entry_alone; }
  int top_height() const { return top_is_entry() ? 0 : top()->height; }
  const FlagEntry* pop() {
    const FlagEntry* entry = top()->entry.get();
    stack_.pop_back();
    return entry;
  }
  void open_subtree() {
    const Node* node = top();
    stack_.pop_back();
    push(node->right.get());
    stack_.push_back({node, true});
    push(node->left.get());
  }

 private:
  struct Item {
    const Node* node;
    bool entry_alone;
  };
  void push(const Node* node) {
    if (node != nullptr) stack_.push_back({node, false});
  }

  std::vector<Item> stack_;
};

void report_next(Pending& before, Pending& after, const FlagTable::Difference& visit) {
  const FlagEntry& a = *before.top()->entry;
  const FlagEntry& b = *after.top()->entry;
  if (key_of(a) < key_of(b)) {
    visit(before.pop(), nullptr);
  } else if (key_of(b) < key_of(a)) {
    visit(nullptr, after.pop());
  } else {
    before.pop();
    after.pop();
    if (&a != &b) visit(&a, &b);
  }
}

}  // namespace

FlagTable FlagTable::from_entries(std::vector<EntryPtr> entries) {
  const auto key = [](const EntryPtr& entry) { return key_of(*entry); };
  std::ranges::stable_sort(entries, {}, key);
  // The last of equal keys is kept: unique keeps the first, so it runs from the back.
  const auto kept = std::unique(entries.rbegin(), entries.rend(),
                                [&](const auto& a, const auto& b) { return key(a) == key(b); });
  const std::span<EntryPtr> sorted(kept.base(), entries.end());
  const size_t count = sorted.size();
  return {built(sorted), count};
}

const FlagEntry* FlagTable::find(std::string_view tenant, std::string_view key) const {
  const Key wanted{tenant, key};
  const Node* node = root_.get();
  while (node != nullptr) {
    const auto order = wanted <=> key_of(*node->entry);
    if (order == 0) return node->entry.get();
    node = order < 0 ? node->left.get() : node->right.get();
  }
  return nullptr;
}

FlagTable FlagTable::with(EntryPtr entry) const {
  bool added = false;
  const Key key = key_of(*entry);
  NodePtr root = inserted(root_, key, std::move(entry), added);
  return {std::move(root), size_ + (added ? 1 : 0)};
}

FlagTable FlagTable::without(std::string_view tenant, std::string_view key) const {
  if (find(tenant, key) == nullptr) return *this;
  return {removed(root_, {tenant, key}), size_ - 1};
}

void FlagTable::for_each(const std::function<bool(const FlagEntry&)>& visit) const {
  visit_from(root_.get(), {}, visit);
}

void FlagTable::for_each_of(std::string_view tenant,
                            const std::function<bool(const FlagEntry&)>& visit) const {
  visit_from(root_.get(), {tenant, {}},
             [&](const FlagEntry& entry) { return entry.tenant() == tenant && visit(entry); });
}

void FlagTable::for_each_difference(const FlagTable& before, const FlagTable& after,
                                    const Difference& visit) {
  Pending a(before.root_.get());
  Pending b(after.root_.get());
  while (!a.empty() && !b.empty()) {
    if (a.top() == b.top() && a.top_is_entry() == b.top_is_entry()) {
      a.pop();
      b.pop();
    } else if (a.top_is_entry() && b.top_is_entry()) {
      report_next(a, b, visit);
    } else {
      // The taller one is opened, so that shared subtrees come to lie on top of both.
      const int a_height = a.top_height();
      const int b_height = b.top_height();
      if (a_height >= b_height) a.open_subtree();
      if (b_height >= a_height) b.open_subtree();
    }
  }
  for (; !a.empty();) {
    if (a.top_is_entry())
      visit(a.pop(), nullptr);
    else
      a.open_subtree();
  }
  for (; !b.empty();) {
    if (b.top_is_entry())
      visit(nullptr, b.pop());
    else
      b.open_subtree();
  }
}

}  // namespace flagmesh::snapshot
