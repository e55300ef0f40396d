import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;

/**
 * Small structures of which each is made of a class of its own, so that the JVM's class histogram
 * says what each retains. Answers "grow" by making the chain longer, "fill" by filling the heap,
 * ends with its input.
 */
public class Known {
  static class Link {
    long number;
    byte flag;
    Link next;
  }

  static class LongerLink extends Link {
    int more;
  }

  static class Watched {
    final int[] samples = null;
    short a;
    char b;
  }

  static class Shared {
    double value;
  }

  static class LeftNode {
    Object held;
  }

  static class RightNode {
    Object held;
    float weight;
  }

  static class Local {
    boolean on;
    Object next;
  }

  static Link chain;
  static final List<Watched> owner = new ArrayList<>();
  static final List<WeakReference<Watched>> watchers = new ArrayList<>();
  static LeftNode left;
  static RightNode right;
  static final List<byte[]> filled = new ArrayList<>();

  static void lengthen(int links) {
    for (int i = 0; i < links; i++) {
      Link link = i % 2 == 0 ? new Link() : new LongerLink();
      link.next = chain;
      chain = link;
    }
  }

  static void holdLocally() {
    Local first = null;
    for (int i = 0; i < 3000; i++) {
      Local local = new Local();
      local.next = first;
      first = local;
    }
    synchronized (Known.class) {
      try {
        Known.class.notifyAll();
        while (first != null) Known.class.wait();
      } catch (InterruptedException e) {
        System.out.println(first);
      }
    }
  }

  public static void main(String[] args) throws Exception {
    lengthen(20_000);
    for (int i = 0; i < 5000; i++) {
      Watched watched = new Watched();
      owner.add(watched);
      watchers.add(new WeakReference<>(watched));
    }
    for (int i = 0; i < 4000; i++) {
      Shared shared = new Shared();
      LeftNode newLeft = new LeftNode();
      RightNode newRight = new RightNode();
      newLeft.held = i == 0 ? shared : left;
      newRight.held = i == 0 ? shared : right;
      left = newLeft;
      right = newRight;
    }
    Thread worker = new Thread(Known::holdLocally, "known-worker");
    worker.setDaemon(true);
    synchronized (Known.class) {
      worker.start();
      Known.class.wait();
    }
    System.out.println("ready");
    StringBuilder line = new StringBuilder();
    for (int c = System.in.read(); c >= 0; c = System.in.read()) {
      if (c != '\n') {
        line.append((char) c);
        continue;
      }
      if (line.toString().equals("grow")) lengthen(10_000);
      while (line.toString().equals("fill")) {
        byte[] block = new byte[1 << 20];  // here the list is not on the stack
        filled.add(block);
      }
      System.out.println("done");
      line.setLength(0);
    }
  }
}
