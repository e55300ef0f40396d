#include "symbolize/rust_name.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "symbolize/rust_text.h"

namespace tidemark {
namespace {

constexpr int kMaxDepth = 128;
constexpr size_t kMaxOutput = 4096;
constexpr int kMaxSteps = 100'000;  // back references may lead round and round

const char* BasicType(char tag) {
  switch (tag) {
    case 'a':
      return "i8";
    case 'b':
      return "bool";
    case 'c':
      return "char";
    case 'd':
      return "f64";
    case 'e':
      return "str";
    case 'f':
      return "f32";
    case 'h':
      return "u8";
    case 'i':
      return "isize";
    case 'j':
      return "usize";
    case 'l':
      return "i32";
    case 'm':
      return "u32";
    case 'n':
      return "i128";
    case 'o':
      return "u128";
    case 's':
      return "i16";
    case 't':
      return "u16";
    case 'u':
      return "()";
    case 'v':
      return "...";
    case 'x':
      return "i64";
    case 'y':
      return "u64";
    case 'z':
      return "!";
    case 'p':
      return "_";
    default:
      return nullptr;
  }
}

// A parser that prints as it goes. After a mistake `ok_` is false and nothing more is read.
class V0 {
 public:
  explicit V0(std::string_view text) : text_(text) {}

  // The path, and nothing behind it but the instantiating crate and a vendor's suffix.
  std::optional<std::string> Whole() {
    if (!text_.empty() && IsDigit(text_[0])) return std::nullopt;  // a later version
    Path(Position::kValue);
    if (ok_ && at_ < text_.size() && IsUpper(text_[at_])) {
      ++silent_;
      Path(Position::kType);
    }
    const bool rest = at_ < text_.size() && text_[at_] != '.' && text_[at_] != '$';
    if (!ok_ || rest || out_.empty()) return std::nullopt;
    return std::move(out_);
  }

 private:
  enum class Position { kType, kValue };
  struct Identifier {
    std::string name;
    uint64_t disambiguator = 0;
  };
  // Counts the nesting of what is being read.
  struct Nested {
    explicit Nested(V0* parser) : parser(parser) {
      if (++parser->depth_ > kMaxDepth || ++parser->steps_ > kMaxSteps) parser->ok_ = false;
    }
    ~Nested() { --parser->depth_; }
    V0* parser;
  };

  char Peek() const { return ok_ && at_ < text_.size() ? text_[at_] : '\0'; }
  char Next() {
    if (!ok_ || at_ >= text_.size()) {
      ok_ = false;
      return '\0';
    }
    return text_[at_++];
  }
  bool Take(char c) {
    if (Peek() != c) return false;
    ++at_;
    return true;
  }
  void Print(std::string_view text) {
    if (silent_ > 0) return;
    if (out_.size() + text.size() > kMaxOutput) ok_ = false;
    if (ok_) out_ += text;
  }

  // "_" is 0, "0_" 1, "Z_" 62.
  uint64_t Base62() {
    if (Take('_')) return 0;
    uint64_t value = 0;
    while (ok_ && !Take('_')) {
      const char c = Next();
      const int digit = IsDigit(c)   ? c - '0'
                        : IsLower(c) ? c - 'a' + 10
                        : IsUpper(c) ? c - 'A' + 36
                                     : -1;
      if (digit < 0 || value > UINT64_MAX / 62 - 62) {
        ok_ = false;
        return 0;
      }
      value = value * 62 + static_cast<uint64_t>(digit);
    }
    return value + 1;
  }
  uint64_t Disambiguator() { return Take('s') ? Base62() + 1 : 0; }

  std::string PlainIdentifier() {
    const bool punycode = Take('u');
    if (!IsDigit(Peek())) ok_ = false;
    size_t length = 0;
    if (!Take('0')) {
      while (IsDigit(Peek()) && length <= kMaxOutput) {
        length = length * 10 + static_cast<size_t>(Next() - '0');
      }
    }
    Take('_');
    if (!ok_ || length > text_.size() - at_ || length > kMaxOutput) {
      ok_ = false;
      return "";
    }
    const std::string_view bytes = text_.substr(at_, length);
    at_ += length;
    if (!punycode) return std::string(bytes);
    std::string decoded;
    if (!DecodePunycode(bytes, &decoded)) ok_ = false;
    return decoded;
  }
  Identifier ReadIdentifier() {
    const uint64_t disambiguator = Disambiguator();
    return {PlainIdentifier(), disambiguator};
  }

  // Reads again from an earlier place. It must lie before the 'B', so that it always goes back.
  template <typename Read>
  void Back(Read read) {
    const size_t here = at_ - 1;
    const uint64_t there = Base62();
    if (!ok_ || there >= here) {
      ok_ = false;
      return;
    }
    if (silent_ > 0) return;  // was read once; nothing would be printed
    const size_t after = std::exchange(at_, static_cast<size_t>(there));
    read();
    at_ = after;
  }

  void Path(Position position) {
    const Nested nested(this);
    if (!ok_) return;
    switch (Next()) {
      case 'C':
        return Print(ReadIdentifier().name);
      case 'N':
        return Namespaced(position);
      case 'M':
        ImplPath();
        Print("<");
        Type();
        return Print(">");
      case 'X':
        ImplPath();
        [[fallthrough]];
      case 'Y':
        Print("<");
        Type();
        Print(" as ");
        Path(Position::kType);
        return Print(">");
      case 'I':
        Path(position);
        if (position == Position::kValue) Print("::");
        Print("<");
        List([this] { GenericArgument(); });
        return Print(">");
      case 'B':
        return Back([this, position] { Path(position); });
      default:
        ok_ = false;
    }
  }

  void ImplPath() {
    Disambiguator();
    ++silent_;
    Path(Position::kType);
    --silent_;
  }

  void Namespaced(Position position) {
    const char space = Next();
    if (!IsLower(space) && !IsUpper(space)) ok_ = false;
    Path(position);
    const Identifier identifier = ReadIdentifier();
    if (IsUpper(space)) {
      Print(space == 'C' ? "::{closure" : space == 'S' ? "::{shim" : std::string("::{") + space);
      if (!identifier.name.empty()) Print(":" + identifier.name);
      return Print("#" + std::to_string(identifier.disambiguator) + "}");
    }
    if (!identifier.name.empty()) Print("::" + identifier.name);
  }

  // Items up to 'E', with commas between; how many.
  template <typename Item>
  size_t List(Item item) {
    size_t count = 0;
    while (ok_ && !Take('E')) {
      if (count++ > 0) Print(", ");
      item();
    }
    return count;
  }

  void GenericArgument() {
    if (Take('L')) return Lifetime();
    Take('K') ? Const() : Type();
  }

  // Bound lifetimes are named from the outside in: 'a, 'b; 0 is erased.
  void Lifetime() {
    const uint64_t index = Base62();
    if (index == 0) return Print("'_");
    if (index > lifetimes_) {
      ok_ = false;
      return;
    }
    const uint64_t depth = lifetimes_ - index;
    Print(depth < 26 ? std::string("'") + static_cast<char>('a' + depth)
                     : "'_" + std::to_string(depth));
  }

  // "for<'a, 'b> " before what binds them; returns how many, to be unbound after.
  uint64_t Binder() {
    if (!Take('G')) return 0;
    const uint64_t count = Base62() + 1;
    if (count > 64) {
      ok_ = false;
      return 0;
    }
    Print("for<");
    for (uint64_t i = 0; i < count; ++i) {
      if (i > 0) Print(", ");
      const uint64_t depth = lifetimes_++;
      Print(depth < 26 ? std::string("'") + static_cast<char>('a' + depth)
                       : "'_" + std::to_string(depth));
    }
    Print("> ");
    return count;
  }

  void Type() {
    const Nested nested(this);
    const char tag = Next();
    if (!ok_) return;
    if (const char* basic = BasicType(tag)) return Print(basic);
    switch (tag) {
      case 'R':
      case 'Q':
        Print("&");
        if (Take('L')) {
          const size_t before = at_;
          if (Base62() != 0) {
            at_ = before;
            Lifetime();
            Print(" ");
          }
        }
        if (tag == 'Q') Print("mut ");
        return Type();
      case 'P':
        Print("*const ");
        return Type();
      case 'O':
        Print("*mut ");
        return Type();
      case 'A':
      case 'S':
        Print("[");
        Type();
        if (tag == 'A') {
          Print("; ");
          Const();
        }
        return Print("]");
      case 'T': {
        Print("(");
        const size_t count = List([this] { Type(); });
        return Print(count == 1 ? ",)" : ")");
      }
      case 'F':
        return FunctionType();
      case 'D':
        return DynType();
      case 'B':
        return Back([this] { Type(); });
      default:
        --at_;
        Path(Position::kType);
    }
  }

  void FunctionType() {
    const uint64_t bound = Binder();
    if (Take('U')) Print("unsafe ");
    if (Take('K')) {
      std::string abi = Take('C') ? "C" : PlainIdentifier();
      std::replace(abi.begin(), abi.end(), '_', '-');
      Print("extern \"" + abi + "\" ");
    }
    Print("fn(");
    List([this] { Type(); });
    Print(")");
    if (!Take('u')) {
      Print(" -> ");
      Type();
    }
    lifetimes_ -= bound;
  }

  void DynType() {
    Print("dyn ");
    const uint64_t bound = Binder();
    bool first = true;
    while (ok_ && !Take('E')) {
      if (!std::exchange(first, false)) Print(" + ");
      DynTrait();
    }
    lifetimes_ -= bound;
    if (!Take('L')) {
      ok_ = false;
      return;
    }
    const size_t before = at_;
    if (Base62() != 0) {
      at_ = before;
      Print(" + ");
      Lifetime();
    }
  }

  // "Iterator<Item = u8>": associated types stand among the trait's own arguments.
  void DynTrait() {
    bool open = OpenTraitPath();
    while (Take('p')) {
      Print(std::exchange(open, true) ? ", " : "<");
      Print(PlainIdentifier() + " = ");
      Type();
    }
    if (open) Print(">");
  }

  // The path of a trait; true when its list of arguments is still to be closed.
  bool OpenTraitPath() {
    const Nested nested(this);
    if (Take('B')) {
      bool open = false;
      Back([&] { open = OpenTraitPath(); });
      return open;
    }
    if (!Take('I')) {
      Path(Position::kType);
      return false;
    }
    Path(Position::kType);
    Print("<");
    List([this] { GenericArgument(); });
    return true;
  }

  void Const() {
    const Nested nested(this);
    if (Take('B')) return Back([this] { Const(); });
    const char tag = Next();
    if (tag == 'p') return Print("_");
    const bool negative = Take('n');
    std::string digits;
    while (ok_ && !Take('_')) digits.push_back(Next());
    const bool is_hex = digits.find_first_not_of("0123456789abcdef") == std::string::npos;
    // Structures and strings as constants are left to those who print source.
    if (BasicType(tag) == nullptr || !is_hex || digits.size() > 32) ok_ = false;
    if (!ok_) return;
    uint64_t value = 0;
    for (const char c : digits)
      value = value << 4 | static_cast<uint64_t>(IsDigit(c) ? c - '0' : c - 'a' + 10);
    if (tag == 'b') return Print(value != 0 ? "true" : "false");
    if (tag == 'c') {
      std::string text = "'";
      AppendUtf8(static_cast<uint32_t>(value), &text);
      return Print(text + "'");
    }
    Print(negative ? "-" : "");
    Print(digits.size() > 16 ? "0x" + digits : std::to_string(value));
  }

  const std::string_view text_;
  size_t at_ = 0;
  std::string out_;
  int silent_ = 0;  // above 0 nothing is printed
  int depth_ = 0, steps_ = 0;
  uint64_t lifetimes_ = 0;  // bound here
  bool ok_ = true;
};

}  // namespace

std::optional<std::string> DemangleRustV0(std::string_view mangled) {
  if (!mangled.starts_with("_R")) return std::nullopt;
  return V0(mangled.substr(2)).Whole();
}

}  // namespace tidemark
