package dev.trackway.connect;

import java.time.DateTimeException;
import java.time.OffsetDateTime;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.transforms.Transformation;

/**
 * Makes a document for MongoDB of a position, and drops every other event: {@code _id} is the event's id, {@code at} a
 * date (for expiry), {@code location} a GeoJSON point (for a 2dsphere index).
 */
public final class PositionDocument<R extends ConnectRecord<R>> implements Transformation<R> {
  private static final List<String> MEASURES =
      List.of("vehicle_id", "trip_id", "seq", "heading", "speed", "accuracy", "altitude");

  @Override
  public R apply(R record) {
    Fact fact = Fact.of(record);
    if (!fact.isPosition()) {
      return null;
    }
    Number lat = fact.number("lat");
    Number lng = fact.number("lng");
    if (lat == null || lng == null) {
      throw fact.placeless();
    }
    Map<String, Object> document = new LinkedHashMap<>();
    document.put("_id", fact.id());
    Fact.copy(fact.attributes(), document, List.of("tenant", "source"));
    Fact.copy(fact.data(), document, MEASURES);
    document.put("at", date(fact));
    document.put("location", Map.of("type", "Point", "coordinates", List.of(lng.doubleValue(), lat.doubleValue())));
    return record.newRecord(record.topic(), record.kafkaPartition(), record.keySchema(), record.key(), null, document,
        record.timestamp(), record.headers());
  }

  private static Date date(Fact fact) {
    try {
      return Date.from(OffsetDateTime.parse(String.valueOf(fact.data().get("recorded_at"))).toInstant());
    } catch (DateTimeException error) {
      throw new DataException("recorded_at of position " + fact.id() + " is not RFC 3339");
    }
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
