#include "onnx/parse.h"

#include "graph/text.h"
#include "onnx/limits.h"
#include "onnx/reader.h"

namespace tercel::onnx {

namespace {

std::string quoted(std::string_view name) { return "'" + graph::printable(name) + "'"; }

// Counts against the limits of a whole model, whatever graph the things are in.
struct Totals {
  size_t nodes = 0, attributes = 0, node_values = 0, elements = 0, initializers = 0;
};

class Parser {
 public:
  explicit Parser(Damage& damage) : damage_(damage) {}
  ModelProto model(std::string_view message);
  TensorProto tensor(std::string_view message);
  // What was read last, for messages about damage.
  const std::string& place() const { return place_; }

 private:
  void fail(Error error) { damage_.note(std::move(error)); }
  // Counts one more; false, and the end of parsing, when that is too many.
  bool count(size_t& total, size_t max, const char* what) {
    if (++total <= max) return true;
    fail(too_large("the model has more than " + std::to_string(max) + " " + what));
    return false;
  }
  // Whether `list` may grow.
  template <typename T>
  bool fits(const std::vector<T>& list, size_t max, const char* what) {
    if (list.size() < max) return true;
    fail(too_large(what + (" more than " + std::to_string(max))));
    return false;
  }
  std::string_view name(Reader& reader);
  AttributeProto attribute(std::string_view message, int depth);
  NodeProto node(std::string_view message, int depth);
  std::unique_ptr<GraphProto> graph(std::string_view message, int depth);
  ValueInfoProto value_info(std::string_view message);
  void type(std::string_view message, ValueInfoProto& info);
  void shape(std::string_view message, ValueInfoProto& info);
  FunctionProto function(std::string_view message);
  OpsetId opset(std::string_view message);
  std::pair<std::string_view, std::string_view> entry(std::string_view message);
  template <typename T>
  void append(std::vector<T>& list, T value);

  Damage& damage_;
  Totals totals_;
  std::string place_ = "the start of the file";
};

std::string_view Parser::name(Reader& reader) {
  const std::string_view text = reader.bytes();
  if (text.size() > kModelNameBytesMax) {
    fail(too_large("a name has " + std::to_string(text.size()) + " bytes, more than the limit of " +
                   std::to_string(kModelNameBytesMax)));
    return {};
  }
  return text;
}

template <typename T>
void Parser::append(std::vector<T>& list, T value) {
  if (!fits(list, kAttributeElementsMax, "the elements of an attribute are")) return;
  if (count(totals_.elements, kAttributeElementsTotalMax, "elements in attributes")) list.push_back(value);
}

TensorProto Parser::tensor(std::string_view message) {
  TensorProto tensor;
  tensor.message = message;
  for (Reader reader(message, damage_); reader.next();) {
    switch (reader.tag()) {
      case 1:
        reader.integers([&](int64_t extent) {
          if (fits(tensor.dims, kRankMax, "the axes of a tensor are")) tensor.dims.push_back(extent);
        });
        break;
      case 2: tensor.data_type = reader.integer(); break;
      case 3: fail(unsupported("a tensor is stored in segments; save the model again with a current version of onnx")); break;
      case 8: tensor.name = name(reader); break;
      case 9:
        tensor.raw = reader.bytes();
        tensor.has_raw = true;
        break;
      case 14: tensor.is_external = reader.integer() == 1; break;
      default: reader.skip();
    }
  }
  return tensor;
}

AttributeProto Parser::attribute(std::string_view message, int depth) {
  AttributeProto attribute;
  for (Reader reader(message, damage_); reader.next();) {
    switch (reader.tag()) {
      case 1: attribute.name = name(reader); break;
      case 2: attribute.f = reader.real(); break;
      case 3: attribute.i = reader.integer(); break;
      case 4: attribute.s = reader.bytes(); break;
      case 5: attribute.tensor = std::make_unique<TensorProto>(tensor(reader.bytes())); break;
      case 6: attribute.graph = graph(reader.bytes(), depth + 1); break;
      case 7: reader.reals([&](float value) { append(attribute.floats, value); }); break;
      case 8: reader.integers([&](int64_t value) { append(attribute.ints, value); }); break;
      case 9: append(attribute.strings, reader.bytes()); break;
      case 20: attribute.type = static_cast<AttributeType>(reader.integer()); break;
      case 21: attribute.reference = name(reader); break;
      default: reader.skip();
    }
  }
  return attribute;
}

NodeProto Parser::node(std::string_view message, int depth) {
  NodeProto node;
  const auto value = [&](std::vector<std::string_view>& list, Reader& reader) {
    if (!fits(list, kNodeInputsMax, "the inputs or outputs of a node are")) return;
    if (count(totals_.node_values, kNodeInputsTotalMax, "node inputs and outputs")) list.push_back(name(reader));
  };
  for (Reader reader(message, damage_); reader.next();) {
    switch (reader.tag()) {
      case 1: value(node.inputs, reader); break;
      case 2: value(node.outputs, reader); break;
      case 3:
        node.name = name(reader);
        place_ = "node " + quoted(node.name);
        break;
      case 4: node.op_type = name(reader); break;
      case 5:
        if (fits(node.attributes, kNodeAttributesMax, "the attributes of a node are") &&
            count(totals_.attributes, kModelAttributesMax, "attributes"))
          node.attributes.push_back(attribute(reader.bytes(), depth));
        break;
      case 7: node.domain = name(reader); break;
      case 8: node.overload = name(reader); break;
      default: reader.skip();
    }
  }
  return node;
}

void Parser::shape(std::string_view message, ValueInfoProto& info) {
  info.has_shape = true;
  for (Reader reader(message, damage_); reader.next();) {
    if (reader.tag() != 1) {
      reader.skip();
      continue;
    }
    if (!fits(info.shape, kRankMax, "the axes of a value are")) return;
    ValueInfoProto::Extent extent;
    for (Reader dim(reader.bytes(), damage_); dim.next();) {
      if (dim.tag() == 1) extent.value = dim.integer();
      else if (dim.tag() == 2) extent.symbol = name(dim);
      else dim.skip();
    }
    info.shape.push_back(extent);
  }
}

void Parser::type(std::string_view message, ValueInfoProto& info) {
  for (Reader reader(message, damage_); reader.next();) {
    switch (reader.tag()) {
      case 1:
        info.kind = TypeKind::kTensor;
        for (Reader tensor(reader.bytes(), damage_); tensor.next();) {
          if (tensor.tag() == 1) info.element_type = tensor.integer();
          else if (tensor.tag() == 2) shape(tensor.bytes(), info);
          else tensor.skip();
        }
        break;
      case 4:
        info.kind = TypeKind::kSequence;
        reader.skip();
        break;
      case 5:
        info.kind = TypeKind::kMap;
        reader.skip();
        break;
      case 7:
        info.kind = TypeKind::kOpaque;
        reader.skip();
        break;
      case 8:
        info.kind = TypeKind::kSparseTensor;
        reader.skip();
        break;
      case 9:
        info.kind = TypeKind::kOptional;
        reader.skip();
        break;
      default: reader.skip();
    }
  }
}

ValueInfoProto Parser::value_info(std::string_view message) {
  ValueInfoProto info;
  std::string_view type_message;
  for (Reader reader(message, damage_); reader.next();) {
    if (reader.tag() == 1) info.name = name(reader);
    else if (reader.tag() == 2) type_message = reader.bytes();
    else reader.skip();
  }
  type(type_message, info);
  return info;
}

std::unique_ptr<GraphProto> Parser::graph(std::string_view message, int depth) {
  auto graph = std::make_unique<GraphProto>();
  if (depth > graph::kGraphDepthMax) {
    fail(too_large("subgraphs nest deeper than " + std::to_string(graph::kGraphDepthMax) + " levels"));
    return graph;
  }
  const auto info = [&](std::vector<ValueInfoProto>& list, Reader& reader) {
    if (fits(list, kModelInputsMax, "the inputs or outputs of a graph are")) list.push_back(value_info(reader.bytes()));
  };
  for (Reader reader(message, damage_); reader.next();) {
    switch (reader.tag()) {
      case 1:
        if (count(totals_.nodes, kModelNodesMax, "nodes")) graph->nodes.push_back(node(reader.bytes(), depth));
        break;
      case 2: graph->name = name(reader); break;
      case 5:
        if (!count(totals_.initializers, kInitializersMax, "initializers")) break;
        graph->initializers.push_back(tensor(reader.bytes()));
        place_ = "initializer " + quoted(graph->initializers.back().name);
        break;
      case 11: info(graph->inputs, reader); break;
      case 12: info(graph->outputs, reader); break;
      case 15:
        graph->has_sparse_initializer = true;
        reader.skip();
        break;
      default: reader.skip();
    }
  }
  return graph;
}

OpsetId Parser::opset(std::string_view message) {
  OpsetId id;
  for (Reader reader(message, damage_); reader.next();) {
    if (reader.tag() == 1) id.domain = name(reader);
    else if (reader.tag() == 2) id.version = reader.integer();
    else reader.skip();
  }
  return id;
}

std::pair<std::string_view, std::string_view> Parser::entry(std::string_view message) {
  std::pair<std::string_view, std::string_view> entry;
  for (Reader reader(message, damage_); reader.next();) {
    if (reader.tag() == 1) entry.first = name(reader);
    else if (reader.tag() == 2) entry.second = reader.bytes();
    else reader.skip();
  }
  return entry;
}

FunctionProto Parser::function(std::string_view message) {
  FunctionProto function;
  const auto add = [&](std::vector<std::string_view>& list, Reader& reader) {
    if (fits(list, kModelInputsMax, "the inputs, outputs or attributes of a function are")) list.push_back(name(reader));
  };
  for (Reader reader(message, damage_); reader.next();) {
    switch (reader.tag()) {
      case 1: function.name = name(reader); break;
      case 4: add(function.inputs, reader); break;
      case 5: add(function.outputs, reader); break;
      case 6: add(function.attributes, reader); break;
      case 7:
        if (count(totals_.nodes, kModelNodesMax, "nodes")) function.nodes.push_back(node(reader.bytes(), 0));
        break;
      case 9:
        if (fits(function.opsets, kModelInputsMax, "the opsets of a function are"))
          function.opsets.push_back(opset(reader.bytes()));
        break;
      case 10: function.domain = name(reader); break;
      case 11:
        if (count(totals_.attributes, kModelAttributesMax, "attributes"))
          function.defaults.push_back(attribute(reader.bytes(), 0));
        break;
      case 13: function.overload = name(reader); break;
      default: reader.skip();
    }
  }
  return function;
}

ModelProto Parser::model(std::string_view message) {
  ModelProto model;
  for (Reader reader(message, damage_); reader.next();) {
    switch (reader.tag()) {
      case 1: model.ir_version = reader.integer(); break;
      case 2: model.producer = name(reader); break;
      case 7:
        if (!model.graph) model.graph = graph(reader.bytes(), 0);
        else fail(invalid("the model has two main graphs"));
        break;
      case 8:
        if (fits(model.opsets, kModelInputsMax, "the opsets of the model are")) model.opsets.push_back(opset(reader.bytes()));
        break;
      case 14:
        if (model.metadata.size() < kMetadataMax) model.metadata.push_back(entry(reader.bytes()));
        else reader.skip();
        break;
      case 20:
        model.has_training = true;
        reader.skip();
        break;
      case 25:
        if (fits(model.functions, kFunctionsMax, "the functions of the model are"))
          model.functions.push_back(function(reader.bytes()));
        break;
      default: reader.skip();
    }
  }
  return model;
}

}  // namespace

Result<ModelProto> parse_model(std::string_view image) {
  if (image.empty()) return invalid("the file is empty; an ONNX model is expected");
  Damage damage;
  Parser parser(damage);
  auto parsed = guarded("this is not an ONNX model, or it was cut short", damage, [&] { return parser.model(image); });
  if (!parsed) return Error(parsed.error().code(), parsed.error().message() + "; seen last: " + parser.place());
  ModelProto model = parsed.take();
  if (!model.graph) return invalid("this is not an ONNX model: it holds no graph");
  return model;
}

Result<ExternalData> parse_external(const TensorProto& tensor) {
  Damage damage;
  return guarded("the tensor is damaged", damage, [&] {
    ExternalData external;
    for (Reader reader(tensor.message, damage); reader.next();) {
      if (reader.tag() != 13) {
        reader.skip();
        continue;
      }
      std::string_view key, value;
      for (Reader entry(reader.bytes(), damage); entry.next();) {
        if (entry.tag() == 1) key = entry.bytes();
        else if (entry.tag() == 2) value = entry.bytes();
        else entry.skip();
      }
      if (key == "location") external.location = value;
      else if (key == "offset") external.offset = value;
      else if (key == "length") external.length = value;
    }
    return external;
  });
}

}  // namespace tercel::onnx
