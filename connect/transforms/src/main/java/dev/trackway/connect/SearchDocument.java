package dev.trackway.connect;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.transforms.Transformation;

/**
 * Makes a document for search of an event: its id is the event's, its index (the topic) follows from the event's type
 * and own time, so that an event which comes again, in whichever month, is the same document; {@code location} is a
 * geo_point of what the data have as lat and lng. Extensions that are not ours are left out, since mappings are strict.
 */
public final class SearchDocument<R extends ConnectRecord<R>> implements Transformation<R> {
  private static final String PREFIX = "index.prefix";
  private static final String BY_MONTH = "index.by.month";
  private static final ConfigDef CONFIG =
      new ConfigDef()
          .define(PREFIX, ConfigDef.Type.STRING, "trackway", ConfigDef.Importance.MEDIUM, "How indices begin.")
          .define(BY_MONTH, ConfigDef.Type.BOOLEAN, true, ConfigDef.Importance.MEDIUM,
              "Whether the event's month ends the name; false for data streams, which the server splits by @timestamp.");
  private static final DateTimeFormatter MONTH = DateTimeFormatter.ofPattern("-yyyy.MM").withZone(ZoneOffset.UTC);
  private static final List<String> ATTRIBUTES =
      List.of("specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "tenant",
          "partitionkey", "traceparent");

  private String prefix;
  private boolean byMonth;

  @Override
  public R apply(R record) {
    Fact fact = Fact.of(record);
    if (!fact.isTrackways()) {
      throw new DataException("type " + fact.type() + " is none of Trackway's");
    }
    Map<String, Object> data = fact.data();
    Map<String, Object> document = new LinkedHashMap<>();
    Fact.copy(fact.attributes(), document, ATTRIBUTES);
    document.put("data", data);
    if (!byMonth) {
      document.put("@timestamp", fact.attributes().get("time"));
    }
    if (data.get("lat") instanceof Number lat && data.get("lng") instanceof Number lng) {
      document.put("location", Map.of("lat", lat, "lon", lng));
    } else if (fact.isPosition()) {
      throw fact.placeless();
    }
    String index = prefix + "-" + kind(fact.subject()) + (byMonth ? month(fact) : "");
    return record.newRecord(index, record.kafkaPartition(), Schema.STRING_SCHEMA, fact.id(), null, document,
        record.timestamp(), record.headers());
  }

  private static String month(Fact fact) {
    return MONTH.format(Instant.ofEpochMilli(Moment.micros("time", fact.text("time")) / 1000));
  }

  private static String kind(String subject) {
    return switch (subject) {
      case Fact.POSITION -> "positions";
      case "trip.delayed", "trip.deviated", "trip.rejoined", "geofence.entered", "geofence.exited",
          "notification.failed" -> "alerts";
      default -> "trips";
    };
  }

  @Override
  public ConfigDef config() {
    return CONFIG;
  }

  @Override
  public void configure(Map<String, ?> settings) {
    Map<String, Object> read = CONFIG.parse(settings);
    prefix = (String) read.get(PREFIX);
    byMonth = (Boolean) read.get(BY_MONTH);
  }

  @Override
  public void close() {}
}
