package dev.trackway.connect;

import java.time.DateTimeException;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.connect.errors.DataException;

/**
 * Moments as Trackway reads and keeps them: RFC 3339 with a UTC offset, in microseconds since 1970, rounded half up.
 * Those before 1970 or after 2200 are refused, as it does.
 */
final class Moment {
  private static final Pattern RFC_3339 =
      Pattern.compile(
          "(\\d{4}-\\d\\d-\\d\\d)[Tt ](\\d\\d:\\d\\d:\\d\\d)(?:\\.(\\d+))?(?:[Zz]|([+-])(\\d\\d):?(\\d\\d))");
  private static final long LATEST = micros(LocalDateTime.of(2200, 1, 1, 0, 0));

  private Moment() {}

  /** Of the text; {@code name} is what it is called in a complaint. */
  static long micros(String name, Object text) {
    Matcher matcher = RFC_3339.matcher(String.valueOf(text));
    if (!(text instanceof String) || !matcher.matches()) {
      throw unreadable(name, text);
    }
    long micros;
    try {
      micros = micros(LocalDateTime.parse(matcher.group(1) + "T" + matcher.group(2)));
    } catch (DateTimeException error) {
      throw unreadable(name, text);
    }
    micros += fraction(matcher.group(3));
    if (matcher.group(4) != null) {
      int hours = Integer.parseInt(matcher.group(5));
      int minutes = Integer.parseInt(matcher.group(6));
      if (hours > 23 || minutes > 59) {
        throw unreadable(name, text);
      }
      long ahead = (hours * 60L + minutes) * 60_000_000L;
      micros += matcher.group(4).equals("+") ? -ahead : ahead;
    }
    if (micros < 0 || micros > LATEST) {
      throw new DataException(name + " " + text + " is not between 1970 and 2200");
    }
    return micros;
  }

  private static long micros(LocalDateTime utc) {
    return utc.toEpochSecond(ZoneOffset.UTC) * 1_000_000L;
  }

  private static long fraction(String digits) {
    if (digits == null) {
      return 0;
    }
    String seven = (digits + "0000000").substring(0, 7);
    return (Long.parseLong(seven) + 5) / 10;
  }

  private static DataException unreadable(String name, Object text) {
    return new DataException(name + " " + text + " is not RFC 3339 with a UTC offset");
  }
}
