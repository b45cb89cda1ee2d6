package dev.trackway.connect;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.errors.DataException;

/**
 * A fact of Trackway as it lies in the topic: a CloudEvent in structured mode, read without a schema.
 *
 * <p>What cannot be read raises DataException, which Connect puts into the dead letter topic.
 */
record Fact(Map<String, Object> attributes, Map<String, Object> data, String id, String subject, Instant time) {
  static final String POSITION = "position.recorded";
  private static final String PREFIX = "dev.trackway.";

  static Fact of(ConnectRecord<?> record) {
    if (!(record.value() instanceof Map<?, ?> value)) {
      throw new DataException("the value is no JSON object: expected a CloudEvent in structured mode");
    }
    Map<String, Object> attributes = named(value);
    String type = text(attributes, "type");
    if (!type.startsWith(PREFIX)) {
      throw new DataException("type " + type + " is none of Trackway's");
    }
    if (!(attributes.get("data") instanceof Map<?, ?> data)) {
      throw new DataException("data of " + type + " are no JSON object");
    }
    String[] words = type.substring(PREFIX.length()).split("\\.");
    String subject = words.length < 2 ? words[0] : words[0] + "." + words[1];
    return new Fact(attributes, named(data), text(attributes, "id"), subject, time(attributes));
  }

  boolean isPosition() {
    return subject.equals(POSITION);
  }

  /** What is wrong with a position without a place. */
  DataException placeless() {
    return new DataException("position " + id + " has no lat and lng");
  }

  /** A number of the data, or null where there is none. */
  Number number(String name) {
    return data.get(name) instanceof Number number ? number : null;
  }

  /** What stands under these names, where it is there. */
  static void copy(Map<String, Object> from, Map<String, Object> to, Iterable<String> names) {
    for (String name : names) {
      if (from.get(name) != null) {
        to.put(name, from.get(name));
      }
    }
  }

  private static Map<String, Object> named(Map<?, ?> map) {
    Map<String, Object> named = new LinkedHashMap<>();
    map.forEach((name, value) -> named.put(String.valueOf(name), value));
    return named;
  }

  private static String text(Map<String, Object> attributes, String name) {
    if (attributes.get(name) instanceof String text && !text.isEmpty()) {
      return text;
    }
    throw new DataException("not a CloudEvent: " + name + " is missing or no text");
  }

  private static Instant time(Map<String, Object> attributes) {
    String text = text(attributes, "time");
    try {
      return OffsetDateTime.parse(text).toInstant();
    } catch (DateTimeException error) {
      throw new DataException("time " + text + " is not RFC 3339");
    }
  }
}
