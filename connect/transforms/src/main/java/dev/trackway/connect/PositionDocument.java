package dev.trackway.connect;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.transforms.Transformation;
import org.bouncycastle.crypto.digests.Blake2bDigest;

/**
 * Makes of a position the document that Trackway's own store keeps of it (src/trackway/storage/mongo/positions.py), down
 * to the types and the order of its fields, so that a position which both of them write is there once. Drops every other
 * event, and refuses what the store would never get: data that do not fit (src/trackway/events/position.py), and times
 * that cannot be (src/trackway/domain/clocks.py).
 */
public final class PositionDocument<R extends ConnectRecord<R>> implements Transformation<R> {
  private static final String TYPE = Fact.PREFIX + Fact.POSITION + ".v1";
  private static final Pattern IDENTIFIER = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}");
  private static final long OLDEST = Moment.micros("oldest", "2000-01-01T00:00:00Z");
  private static final long AHEAD = 600_000_000L;
  private static final int KEY_BYTES = 12;
  private static final int EVENT_BYTES = 8;

  private final Clock clock = Clock.systemUTC();

  @Override
  public R apply(R record) {
    Fact fact = Fact.of(record);
    if (!fact.isPosition()) {
      return null;
    }
    Map<String, Object> document = new Position(fact).document();
    return record.newRecord(record.topic(), record.kafkaPartition(), record.keySchema(), record.key(), null, document,
        record.timestamp(), record.headers());
  }

  /** One of them, checked as it is read. */
  private final class Position {
    private final Fact fact;
    private final Map<String, Object> data;

    Position(Fact fact) {
      this.fact = fact;
      if (!fact.type().equals(TYPE)) {
        throw new DataException("type " + fact.type() + " is not known here, only " + TYPE);
      }
      if (!fact.text("specversion").equals("1.0")) {
        throw new DataException("specversion " + fact.text("specversion") + " is not served, only 1.0");
      }
      if (fact.attributes().get("time") != null) {
        Moment.micros("time", fact.attributes().get("time"));
      }
      data = fact.data();
      if (data.get("lat") == null || data.get("lng") == null) {
        throw fact.placeless();
      }
    }

    Map<String, Object> document() {
      String tenant = tenant();
      String vehicle = identifier("vehicle_id");
      long recorded = recorded();
      Map<String, Object> document = new LinkedHashMap<>();
      document.put("_id", id(tenant, vehicle, recorded));
      document.put("tenant", tenant);
      document.put("vehicle_id", vehicle);
      document.put("at", new Date(Math.floorDiv(recorded, 1000L)));
      document.put("lat", number("lat", -90, 90));
      document.put("lng", number("lng", -180, 180));
      if (data.get("received_at") != null) {
        document.put("received_us", integer(Moment.micros("received_at", data.get("received_at"))));
      }
      putNumber(document, "heading", 0, 360);
      putNumber(document, "speed", 0, 500);
      putNumber(document, "accuracy", 0, Double.MAX_VALUE);
      putNumber(document, "altitude", -1000, 100_000);
      if (data.get("trip_id") != null) {
        document.put("trip_id", identifier("trip_id"));
      }
      if (data.get("seq") != null) {
        document.put("seq", seq());
      }
      return document;
    }

    private String tenant() {
      Object given = fact.attributes().getOrDefault("tenant", "default");
      if (given instanceof String tenant) {
        return tenant;
      }
      throw new DataException("tenant " + given + " is no text");
    }

    private byte[] id(String tenant, String vehicle, long recorded) {
      byte[] key = hashed(KEY_BYTES, tenant + "\n" + vehicle);
      byte[] event = hashed(EVENT_BYTES, fact.text("source") + "\n" + fact.id());
      // The sign bit is turned, so that ids sort by time as bytes.
      long time = recorded ^ Long.MIN_VALUE;
      return ByteBuffer.allocate(KEY_BYTES + Long.BYTES + EVENT_BYTES).put(key).putLong(time).put(event).array();
    }

    private long recorded() {
      long recorded = Moment.micros("recorded_at", data.get("recorded_at"));
      if (recorded < OLDEST || recorded > clock.millis() * 1000 + AHEAD) {
        throw wrong("recorded_at", "is not plausible; it is " + clock.instant() + " here");
      }
      return recorded;
    }

    private String identifier(String name) {
      if (data.get(name) instanceof String text && IDENTIFIER.matcher(text).matches()) {
        return text;
      }
      throw wrong(name, "is no identifier");
    }

    private void putNumber(Map<String, Object> document, String name, double least, double most) {
      if (data.get(name) != null) {
        document.put(name, number(name, least, most));
      }
    }

    private double number(String name, double least, double most) {
      if (data.get(name) instanceof Number number && least <= number.doubleValue() && number.doubleValue() <= most) {
        return number.doubleValue();
      }
      throw wrong(name, "is no number from " + least + " to " + most);
    }

    private Object seq() {
      if (data.get("seq") instanceof Long number && 0 <= number && number < 1L << 53) {
        return integer(number);
      }
      throw wrong("seq", "is no integer from 0 to 2^53 - 1");
    }

    private DataException wrong(String name, String what) {
      return new DataException(name + " " + data.get(name) + " of position " + fact.id() + " " + what);
    }
  }

  /** As pymongo writes an integer: in 32 bits where these will do. */
  private static Object integer(long number) {
    return number == (int) number ? (Object) (int) number : (Object) number;
  }

  private static byte[] hashed(int bytes, String text) {
    byte[] encoded = text.getBytes(StandardCharsets.UTF_8);
    Blake2bDigest digest = new Blake2bDigest(bytes * 8);
    digest.update(encoded, 0, encoded.length);
    byte[] hash = new byte[bytes];
    digest.doFinal(hash, 0);
    return hash;
  }

  @Override
  public ConfigDef config() {
    return new ConfigDef();
  }

  @Override
  public void configure(Map<String, ?> settings) {}

  @Override
  public void close() {}
}
