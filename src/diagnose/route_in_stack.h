// Routes whose handler stands in a stack: /checkout in main.checkout.
#pragma once

#include <string>
#include <vector>

#include "model/stack.h"

namespace tidemark {

// The one route of which a word (four letters or more, any case) occurs in the name of a function
// of the stack; "" when no route or more than one has such a word. A hint, to be named as one.
std::string RouteInStack(const std::vector<std::string>& routes,
                         const std::vector<FrameText>& frames);

}  // namespace tidemark
