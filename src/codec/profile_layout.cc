#include "codec/profile_layout.h"

namespace tidemark::codec {
namespace {

// What was seen, and where the releases differ: field numbers are of Profile (p), Sample (s) and
// the dictionary (d), with the wire type after them (L length-delimited, V varint).
struct Evidence {
  bool has_dictionary = false, has_profiles = false;
  bool p4_l = false, p4_v = false, p10_l = false;
  bool l3 =
      false;  // p3 L, p5 V, p6 L; an entry of d6 with field 1 L; an entry of d7 with field 1 or 2 V
  bool l4 = false;  // p8 L, p9 V, p12
  bool s4_l = false, s3_v = false, s4_v = false, s3_l = false, s2 = false, s5 = false;
};

template <typename F>
void EachMessage(View body, uint32_t field, Place* place, F f) {
  for (Message message(body, place); message.Next();) {
    message.tag_and_type() == Bytes(field) ? f(message.Text()) : message.skip();
  }
}

void LookAtSample(View body, Place* place, Evidence* seen) {
  for (Message message(body, place); message.Next(); message.skip()) {
    switch (message.tag_and_type()) {
      case Bytes(2):
      case Varint(2):
        seen->s2 = true;
        break;
      case Bytes(3):
        seen->s3_l = true;
        break;
      case Varint(3):
        seen->s3_v = true;
        break;
      case Bytes(4):
        seen->s4_l = true;
        break;
      case Varint(4):
        seen->s4_v = true;
        break;
      case Bytes(5):
      case Fixed64(5):
        seen->s5 = true;
        break;
      default:
        break;
    }
  }
}

void LookAtProfile(View body, Place* place, Evidence* seen) {
  seen->has_profiles = true;
  for (Message message(body, place); message.Next();) {
    const uint32_t key = message.tag_and_type();
    // One value-bearing sample of L6 decides; the others need not be looked at.
    if (key == Bytes(2) && !seen->s4_l) {
      LookAtSample(message.Text(), place, seen);
      continue;
    }
    seen->p4_l |= key == Bytes(4);
    seen->p4_v |= key == Varint(4);
    seen->p10_l |= key == Bytes(10);
    seen->l3 |= key == Bytes(3) || key == Varint(5) || key == Bytes(6);
    seen->l4 |= key == Bytes(8) || key == Varint(9) || message.tag() == 12;
    message.skip();
  }
}

void LookAtDictionary(View body, Place* place, Evidence* seen) {
  seen->has_dictionary = true;
  EachMessage(body, 6, place, [&](View entry) {
    for (Message message(entry, place); message.Next(); message.skip()) {
      seen->l3 |= message.tag_and_type() == Bytes(1);
    }
  });
  EachMessage(body, 7, place, [&](View entry) {
    for (Message message(entry, place); message.Next(); message.skip()) {
      // A stack of one location that a sender did not pack has field 1 as a varint as well, so only
      // field 2 counts where the reference lets either count.
      seen->l3 |= message.tag_and_type() == Varint(2);
    }
  });
}

Error Refused(const char* release) {
  return InvalidArgument(
      std::string("OTLP profiles layout of opentelemetry-proto ") + release +
      " received; this server accepts v1.8 to v1.11 (Collector v0.136 or newer); "
      "upgrade the sender");
}

}  // namespace

Result<ProfileLayout> DetectLayout(View body, Place* place) {
  Evidence seen;
  for (Message message(body, place); message.Next();) {
    switch (message.tag_and_type()) {
      case Bytes(1):
        EachMessage(message.Text(), 2, place, [&](View scope) {
          EachMessage(scope, 2, place, [&](View profile) { LookAtProfile(profile, place, &seen); });
        });
        break;
      case Bytes(2):
        LookAtDictionary(message.Text(), place, &seen);
        break;
      default:
        message.skip();
    }
  }
  if (!seen.has_dictionary && seen.has_profiles && seen.p4_l && seen.p10_l)
    return Refused("v1.4 or v1.5");
  if (!seen.has_dictionary && seen.has_profiles && seen.p4_v) return Refused("v1.6");
  if (seen.l3) return Refused("v1.7");
  if (seen.l4) return ProfileLayout::kL4;
  if (seen.s4_l || seen.s3_v) return ProfileLayout::kL6;
  if (seen.s4_v || seen.s3_l || (seen.s2 && !seen.s5)) return ProfileLayout::kL5;
  return ProfileLayout::kL6;
}

}  // namespace tidemark::codec
