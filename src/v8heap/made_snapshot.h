// A heap snapshot written by hand, as V8 writes it: for tests.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace tidemark::v8heap {

class MadeSnapshot {
 public:
  struct Edge {
    std::string type;  // "property", "element", ...
    std::string name;  // of element and hidden ones a number
    size_t to = 0;     // ordinal of a node
  };

  // Answers its ordinal. The first is the root.
  size_t Node(const std::string& type, const std::string& name, uint64_t id, uint64_t size,
              int detachedness = 0) {
    nodes_.push_back({type, name, id, size, detachedness, {}});
    return nodes_.size() - 1;
  }
  void Edges(size_t from, std::vector<Edge> edges) { nodes_[from].edges = std::move(edges); }

  bool old_format = false;  // no trace_node_id, no detachedness
  std::string trace_tree = "[]";
  std::string node_count, edge_count;  // "" = the true ones

  std::string Json() {
    strings_.assign(1, "<dummy>");
    std::string nodes, edges;
    size_t edges_written = 0;
    const size_t fields = old_format ? 5 : 7;
    for (const auto& node : nodes_) {
      Append(&nodes, {TypeIndex(kNodeTypes, node.type), StringIndex(node.name), node.id, node.size,
                      node.edges.size()});
      if (!old_format) nodes += ",0," + std::to_string(node.detachedness);
      nodes += "\n";
      for (const auto& edge : node.edges) {
        const bool number = edge.type == "element" || edge.type == "hidden";
        Append(&edges,
               {TypeIndex(kEdgeTypes, edge.type),
                number ? std::stoull(edge.name) : StringIndex(edge.name), edge.to * fields});
        edges += "\n";
        ++edges_written;
      }
    }
    return "{\"snapshot\":{\"meta\":{" + Meta() +
           "},\"node_count\":" + (node_count.empty() ? std::to_string(nodes_.size()) : node_count) +
           ",\"edge_count\":" + (edge_count.empty() ? std::to_string(edges_written) : edge_count) +
           ",\"trace_function_count\":0},\n\"nodes\":[" + nodes + "],\n\"edges\":[" + edges +
           "],\n\"trace_function_infos\":[],\n\"trace_tree\":" + trace_tree +
           ",\n\"samples\":[],\n\"locations\":[],\n\"strings\":[" + Strings() + "]}";
  }

 private:
  struct MadeNode {
    std::string type, name;
    uint64_t id, size;
    int detachedness;
    std::vector<Edge> edges;
  };
  static constexpr const char* kNodeTypes =
      "\"hidden\",\"array\",\"string\",\"object\",\"code\",\"closure\",\"regexp\",\"number\","
      "\"native\",\"synthetic\",\"something new\"";
  static constexpr const char* kEdgeTypes =
      "\"context\",\"element\",\"property\",\"internal\",\"hidden\",\"shortcut\",\"weak\"";

  static void Append(std::string* out, std::vector<uint64_t> numbers) {
    for (const uint64_t number : numbers) {
      if (!out->empty()) *out += ",";
      *out += std::to_string(number);
    }
  }
  static uint64_t TypeIndex(const std::string& types, const std::string& type) {
    uint64_t index = 0;
    const size_t end = types.find("\"" + type + "\"");
    for (size_t i = 0; i < end; ++i) index += types[i] == ',' ? 1 : 0;
    return index;
  }
  uint64_t StringIndex(const std::string& text) {
    for (size_t i = 0; i < strings_.size(); ++i) {
      if (strings_[i] == text) return i;
    }
    strings_.push_back(text);
    return strings_.size() - 1;
  }
  std::string Meta() const {
    const std::string more = old_format ? "" : ",\"trace_node_id\",\"detachedness\"";
    return "\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\"" + more +
           "],\"node_types\":[[" + std::string(kNodeTypes) +
           "],\"string\",\"number\",\"number\",\"number\"],"
           "\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],\"edge_types\":[[" +
           kEdgeTypes + "],\"string_or_number\",\"node\"]";
  }
  std::string Strings() const {
    std::string text;
    for (const auto& string : strings_) text += (text.empty() ? "\"" : ",\n\"") + string + "\"";
    return text;
  }

  std::vector<MadeNode> nodes_;
  std::vector<std::string> strings_;
};

}  // namespace tidemark::v8heap
