#include "collect/process_names.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "collect/fake_root.h"

namespace tidemark {
namespace {

using std::string_literals::operator""s;

const std::string kContainer(64, 'a');

// /proc with processes that have their ledgers mapped.
class WatchNamesTest : public ::testing::Test {
 protected:
  // A process of id `pid` that calls itself `inner_pid` and writes /run/INNER.ledger.
  LedgerFile Start(uint64_t pid, uint64_t inner_pid, uint64_t inode, const std::string& environment,
                   const std::string& cgroup = "0::/user\n") {
    const std::string proc = "/proc/" + std::to_string(pid);
    const LedgerFile file{"/run/" + std::to_string(inner_pid) + ".ledger", inner_pid, inode};
    root_.Write(proc + "/stat", std::to_string(pid) + " (a) (b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 " +
                                    "14 15 16 17 18 12345 0\n");
    root_.Write(proc + "/status", "Name:\tx\nNSpid:\t" + std::to_string(pid) + "\t" +
                                      std::to_string(inner_pid) + "\n");
    root_.Write(proc + "/maps", "7f0000000000-7f0000001000 rw-s 00000000 00:1b " +
                                    std::to_string(inode) + "  /somewhere" + file.path + "\n");
    root_.Write(proc + "/environ", environment);
    root_.Write(proc + "/cmdline", "./shop\0--port\0"s + "1\0"s);
    root_.Write(proc + "/cgroup", cgroup);
    return file;
  }
  void End(uint64_t pid) {
    std::filesystem::remove_all(root_.path() + "/proc/" + std::to_string(pid));
  }
  ProcessName NameOf(const LedgerFile& file) {
    LedgerHeader header;
    header.exe_path = "/srv/shop";
    return names_.NameOf(file, header);
  }
  FakeRoot root_;
  ProcFiles proc_{root_.path()};
  WatchNames names_{&proc_};
};

TEST_F(WatchNamesTest, EnvironmentNamesTheProcess) {
  const auto file = Start(7, 7, 100,
                          "X=1\0OTEL_SERVICE_NAME=shop\0OTEL_RESOURCE_ATTRIBUTES=service.version=2,"
                          "service.instance.id=shop-1,k8s.pod.name=p\0"s);
  const ProcessName name = NameOf(file);
  EXPECT_EQ(name.resource.target, (Target{"shop", "", "2", "shop-1"}));
  EXPECT_EQ(AttributeOr(name.resource.attributes, "k8s.pod.name"), "p");
  EXPECT_EQ(name.command_line, "./shop --port 1");
  EXPECT_EQ(name.root, root_.path() + "/proc/7/root");
  EXPECT_EQ(names_.PidOf(file), 7u);
}

TEST_F(WatchNamesTest, WithoutNamesTheExecutableAndPidStand) {
  const auto name = NameOf(Start(7, 7, 100, ""));
  EXPECT_EQ(name.resource.target.service, "shop");
  EXPECT_TRUE(name.resource.target.instance.ends_with("-7"));
}

TEST_F(WatchNamesTest, ProcessOfAContainerIsFoundByItsInnerIdAndItsMapping) {
  Start(4711, 1, 55, "");  // another container's process 1
  const auto file = Start(4712, 1, 56, "HOSTNAME=pod-3\0"s,
                          "0::/kubepods/pod12/cri-containerd-" + kContainer + ".scope\n");
  EXPECT_EQ(names_.PidOf(file), 4712u);
  names_.SetPprofPort(6060);
  const ProcessName name = NameOf(file);
  EXPECT_EQ(name.resource.target.instance, "pod-3-1");
  EXPECT_EQ(AttributeOr(name.resource.attributes, "container.id"), kContainer);
  EXPECT_EQ(AttributeOr(name.resource.attributes, "process.pid"), "1");
  EXPECT_EQ(AttributeOr(name.resource.attributes, "tidemark.pprof.pid"), "4712");
}

TEST_F(WatchNamesTest, SecondProcessOfAnInstanceIdGetsItsOwn) {
  const std::string same = "OTEL_RESOURCE_ATTRIBUTES=service.instance.id=i\0"s;
  const auto parent = Start(7, 7, 100, same), child = Start(8, 8, 101, same);
  EXPECT_EQ(NameOf(parent).resource.target.instance, "i");
  EXPECT_TRUE(NameOf(child).resource.target.instance.ends_with("-8"));
  names_.Forget(parent);
  EXPECT_EQ(NameOf(Start(9, 9, 102, same)).resource.target.instance, "i");
}

TEST_F(WatchNamesTest, EndIsSeenAndTheNameRemains) {
  const auto file = Start(7, 7, 100, "OTEL_SERVICE_NAME=shop\0"s);
  EXPECT_FALSE(names_.HasEnded(file, {}));
  End(7);
  EXPECT_TRUE(names_.HasEnded(file, {}));
  EXPECT_EQ(NameOf(file).resource.target.service, "shop") << "read while it lived";
}

TEST_F(WatchNamesTest, IdTakenByAnotherProcessIsAnEnd) {
  const auto file = Start(7, 7, 100, "");
  EXPECT_FALSE(names_.HasEnded(file, {}));
  root_.Write("/proc/7/stat", "7 (x) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 99999 0\n");
  EXPECT_TRUE(names_.HasEnded(file, {}));
}

TEST_F(WatchNamesTest, LedgerThatNobodyHasMappedIsDeadAtTheSecondLook) {
  auto file = Start(7, 7, 100, "");
  file.inode = 101;  // an older process' file
  EXPECT_EQ(names_.PidOf(file), 0u);
  EXPECT_FALSE(names_.HasEnded(file, {}));
  EXPECT_TRUE(names_.HasEnded(file, {}));
}

TEST_F(WatchNamesTest, ExecGivesTheProcessANewLedgerAndName) {
  const auto before = Start(7, 7, 100, "OTEL_SERVICE_NAME=a\0"s);
  EXPECT_EQ(NameOf(before).resource.target.service, "a");
  const auto after = Start(7, 7, 101, "OTEL_SERVICE_NAME=b\0"s);
  EXPECT_EQ(NameOf(after).resource.target.service, "b");
}

TEST(ProcFilesTest, ThisProcessIsRead) {
  const ProcFiles proc;
  const auto pid = static_cast<uint64_t>(getpid());
  EXPECT_GT(proc.StartTicks(pid), 0u);
  EXPECT_EQ(proc.StartTicks(1ull << 40), 0u);
  EXPECT_FALSE(proc.CommandLineOf(pid).empty());
  EXPECT_EQ(proc.EnvironmentOf(pid)("TIDEMARK_NO_SUCH_VARIABLE"), "");
}

}  // namespace
}  // namespace tidemark
