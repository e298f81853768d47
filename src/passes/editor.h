#pragma once

#include <deque>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "graph/graph.h"

namespace tercel::passes {

using graph::kNoValue;
using graph::Node;
using graph::ValueId;

using NodeId = uint32_t;  // stable while the Editor lives, whatever is added or erased
inline constexpr NodeId kNoNode = UINT32_MAX;

// One graph while a pass rewrites it: who makes and who reads each value stays right as nodes come and go, and nodes may
// be added in any order. The Editor holds the graph's nodes until finish() (or its destructor) puts the remaining ones back,
// sorted so that producers come first and otherwise in the order they had. References to nodes stay valid.
class Editor {
 public:
  explicit Editor(graph::Graph& graph);
  ~Editor() { finish(); }
  Editor(const Editor&) = delete;
  Editor& operator=(const Editor&) = delete;

  graph::Graph& graph() { return graph_; }
  const graph::Graph& graph() const { return graph_; }
  const graph::Value& value(ValueId id) const { return graph_.value(id); }
  const TensorType& type(ValueId id) const { return graph_.value(id).type; }

  NodeId size() const { return static_cast<NodeId>(slots_.size()); }  // erased nodes included
  bool alive(NodeId id) const { return slots_[id].alive; }
  const Node& node(NodeId id) const { return slots_[id].node; }

  NodeId producer(ValueId id) const { return id < producer_.size() ? producer_[id] : kNoNode; }
  // The living producer of `id` when it is an `op`, else kNoNode.
  NodeId producer_is(ValueId id, std::string_view op) const;
  // Once per use, in no particular order.
  std::span<const NodeId> readers(ValueId id) const;
  bool is_output(ValueId id) const { return id < is_output_.size() && is_output_[id]; }
  bool single_reader(ValueId id) const { return readers(id).size() == 1 && !is_output(id); }
  bool unread(ValueId id) const { return readers(id).empty() && !is_output(id); }
  bool is_input(ValueId id) const { return producer(id) == kNoNode && !graph_.value(id).constant; }

  ValueId add_value(std::string name, const TensorType& type);
  ValueId add_constant(std::string name, Tensor tensor);
  // Gives a value its contents, and removes the node that made it.
  void set_constant(ValueId id, Tensor tensor);
  // Adds a node; its name is made unique.
  NodeId add(Node node);
  // A node with one output of `type` named like the node; returns that output.
  ValueId add(std::string_view op, std::string name, std::vector<ValueId> inputs, ops::Attributes attributes,
              const TensorType& type);

  // Puts `node` in the place of node `id`. Producers that nobody reads any more go.
  void replace(NodeId id, Node node);
  // Puts `node` in the place of node `id`, where it makes output 0 of `reader`, the only reader of `id`, which goes.
  void absorb(NodeId id, NodeId reader, Node node);
  // Removes a node; producers that nobody reads any more go as well.
  void erase(NodeId id);
  // Readers of `from` read `to` from now on. Graph outputs do not change.
  void redirect(ValueId from, ValueId to);
  // Removes a node whose output equals its input `input`. False, and nothing changes, when only a node can keep a graph
  // output apart from another output, a constant or a graph input.
  bool bypass(NodeId id, size_t input = 0);

  void finish();

 private:
  struct Slot {
    Node node;
    bool alive = true;
  };

  std::string unique_name(std::string name);
  void cover_values();
  void attach(NodeId id);
  void detach(NodeId id);
  void sweep(std::vector<ValueId> values);

  graph::Graph& graph_;
  std::deque<Slot> slots_;
  std::vector<NodeId> producer_;
  std::vector<std::vector<NodeId>> readers_;
  std::vector<bool> is_output_;
  std::unordered_set<std::string> names_;
  bool finished_ = false;
};

}  // namespace tercel::passes
