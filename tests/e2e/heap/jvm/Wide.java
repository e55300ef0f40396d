import com.sun.management.HotSpotDiagnosticMXBean;
import java.lang.management.ManagementFactory;

/** One array with more references than a reader tells at once; dumps its own heap into args[0]. */
public class Wide {
  static class Held {
    Object other;
  }

  static final Held[] wide = new Held[300_000];

  public static void main(String[] args) throws Exception {
    for (int i = 0; i < wide.length; i++) {
      wide[i] = new Held();
      wide[i].other = i % 3 == 0 ? new long[i % 5] : wide[i / 2];
    }
    ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class).dumpHeap(args[0], true);
  }
}
