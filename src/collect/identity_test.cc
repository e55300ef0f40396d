#include "collect/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "collect/run_environment.h"

namespace tidemark {
namespace {

using ::testing::Contains;
using ::testing::Not;
using ::testing::StartsWith;

EnvironmentLookup Env(std::map<std::string, std::string> values) {
  return [values](const std::string& name) {
    const auto at = values.find(name);
    return at == values.end() ? std::string() : at->second;
  };
}

RunOptions Options() {
  RunOptions options;
  options.command = {"/usr/bin/shop", "--port", "1"};
  return options;
}

TEST(IdentityTest, ResourceAttributesGoThereAndBack) {
  const Attributes attributes = ParseResourceAttributes(" b = x%2Cy , a=1,broken,=x,c=");
  EXPECT_EQ(AttributeOr(attributes, "b"), "x,y");
  EXPECT_EQ(AttributeOr(attributes, "a"), "1");
  EXPECT_EQ(attributes.size(), 3u);
  EXPECT_EQ(ParseResourceAttributes(FormatResourceAttributes(attributes)), attributes);
}

TEST(IdentityTest, ServiceIsTheMostParticularNameGiven) {
  RunOptions options = Options();
  EXPECT_EQ(IdentityFor(options, Env({})).service, "shop");
  std::map<std::string, std::string> env = {{"OTEL_RESOURCE_ATTRIBUTES", "service.name=r"}};
  EXPECT_EQ(IdentityFor(options, Env(env)).service, "r");
  env["OTEL_SERVICE_NAME"] = "e";
  EXPECT_EQ(IdentityFor(options, Env(env)).service, "e");
  options.service = "o";
  EXPECT_EQ(IdentityFor(options, Env(env)).service, "o");
}

TEST(IdentityTest, InstanceIsHostAndPidUnlessTheUserSetOne) {
  const auto plain = IdentityFor(Options(), Env({}));
  EXPECT_EQ(InstanceOf(plain, 42, true), plain.host + "-42");
  const auto named = IdentityFor(
      Options(), Env({{"OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=pod-7,k8s.pod.name=p"}}));
  EXPECT_EQ(InstanceOf(named, 42, true), "pod-7");
  EXPECT_EQ(InstanceOf(named, 43, false), named.host + "-43");
  const Resource resource = ResourceOf(named, 42, true, "/usr/bin/shop", 1234);
  EXPECT_EQ(resource.target.instance, "pod-7");
  EXPECT_EQ(AttributeOr(resource.attributes, "k8s.pod.name"), "p");
  EXPECT_EQ(AttributeOr(resource.attributes, "process.executable.name"), "shop");
  EXPECT_EQ(AttributeOr(resource.attributes, "tidemark.pprof.port"), "1234");
}

TEST(RunEnvironmentTest, CommandCarriesRecorderFolderAndIdentity) {
  RunOptions options = Options();
  options.sample_bytes = 1000;
  std::vector<std::string> entries = {"PATH=/bin", "LD_PRELOAD=/x.so", "TIDEMARK_DIR=/old",
                                      "OTEL_SERVICE_NAME=old", "LD_PRELOADER=kept"};
  std::vector<char*> environment;
  for (std::string& entry : entries) environment.push_back(entry.data());
  environment.push_back(nullptr);
  const auto identity = IdentityFor(options, Env({}));
  const ChildCommand command =
      CommandFor(options, identity, "/lib/libtidemark.so", "/run/t", environment.data());
  EXPECT_THAT(command.environment, Contains("LD_PRELOAD=/lib/libtidemark.so:/x.so"));
  EXPECT_THAT(command.environment, Contains("TIDEMARK_DIR=/run/t"));
  EXPECT_THAT(command.environment, Contains("TIDEMARK_SAMPLE_BYTES=1000"));
  EXPECT_THAT(command.environment, Not(Contains("TIDEMARK_MMAP=1")));
  options.mappings = true;
  EXPECT_THAT(CommandFor(options, identity, "/lib/libtidemark.so", "/run/t", environment.data())
                  .environment,
              Contains("TIDEMARK_MMAP=1"));
  EXPECT_THAT(command.environment, Contains("OTEL_SERVICE_NAME=shop"));
  EXPECT_THAT(command.environment, Contains("LD_PRELOADER=kept"));
  EXPECT_THAT(command.environment, Not(Contains("TIDEMARK_DIR=/old")));
  EXPECT_THAT(command.environment, Not(Contains("OTEL_SERVICE_NAME=old")));
  EXPECT_THAT(command.pid_suffixed, StartsWith("OTEL_RESOURCE_ATTRIBUTES=service.name=shop"));
  EXPECT_TRUE(command.pid_suffixed.ends_with("-")) << command.pid_suffixed;
}

TEST(RunEnvironmentTest, RecorderThatIsNowhereIsAnErrorThatNamesThePlaces) {
  const auto missing = FindRecorder(Options(), Env({{"TIDEMARK_LIB", "/no/such.so"}}));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message, ::testing::HasSubstr("/no/such.so"));
}

}  // namespace
}  // namespace tidemark
