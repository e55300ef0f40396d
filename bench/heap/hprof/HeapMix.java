import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A heap like that of a service that caches: orders with lines in maps, sessions with attributes,
 * texts, blobs, boxed numbers, queues. Prints "ready" when it holds about the given mebibytes of
 * objects, then waits for its input to end.
 *
 *   java -Xmx4g HeapMix.java MEBIBYTES
 */
public class HeapMix {
  static final class Line {
    final String sku;
    final int count;
    final long cents;

    Line(String sku, int count, long cents) {
      this.sku = sku;
      this.count = count;
      this.cents = cents;
    }
  }

  static final class Order {
    final Long id;
    final String customer;
    final List<Line> lines = new ArrayList<>();
    final double[] weights;
    Order previous;

    Order(Long id, String customer, int weights) {
      this.id = id;
      this.customer = customer;
      this.weights = new double[weights];
    }
  }

  static final class Session {
    final Map<String, Object> attributes = new LinkedHashMap<>();
    final ArrayDeque<String> visited = new ArrayDeque<>();
    byte[] token;
  }

  static final Map<Long, Order> orders = new HashMap<>();
  static final Map<String, Session> sessions = new ConcurrentHashMap<>();
  static final TreeMap<Integer, byte[]> blobs = new TreeMap<>();
  static final List<int[]> samples = new ArrayList<>();

  static long addOrder(Random random, long id, Order previous) {
    Order order = new Order(id, "customer-" + random.nextInt(100_000), random.nextInt(16));
    int lines = 1 + random.nextInt(6);
    for (int i = 0; i < lines; i++) {
      order.lines.add(new Line("sku-" + random.nextInt(1 << 30), i, random.nextInt(100_000)));
    }
    order.previous = previous;
    orders.put(id, order);
    return 350 + 100L * lines;
  }

  static long addSession(Random random, int id) {
    Session session = new Session();
    session.token = new byte[32 + random.nextInt(200)];
    for (int i = 0; i < 4; i++) {
      session.attributes.put("attribute-" + i, "value " + random.nextLong());
      session.visited.add("/shop/page/" + random.nextInt(1 << 20));
    }
    sessions.put("session-" + id, session);
    return 1300;
  }

  public static void main(String[] args) throws Exception {
    long wanted = Long.parseLong(args[0]) << 20;
    Random random = new Random(1);
    Order previous = null;
    int id = 0;
    for (long held = 0; held < wanted; id++) {
      held += addOrder(random, id, previous);
      previous = id % 10 == 0 ? null : orders.get((long) id);
      if (id % 3 == 0) held += addSession(random, id);
      if (id % 20 == 0) {
        blobs.put(id, new byte[random.nextInt(8192)]);
        samples.add(new int[random.nextInt(1000)]);
        held += 6200;
      }
    }
    previous = null;
    System.out.println("ready");
    while (System.in.read() >= 0) {
    }
  }
}
