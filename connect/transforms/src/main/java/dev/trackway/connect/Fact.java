package dev.trackway.connect;

import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.header.Header;

/**
 * A fact of Trackway as it lies in a topic, read without a schema: a CloudEvent in structured mode, as a KafkaSink
 * writes it, or in binary mode, as a Broker keeps it.
 *
 * <p>What cannot be read raises DataException, which Connect puts into the dead letter topic.
 */
record Fact(Map<String, Object> attributes, Object content, String id, String type) {
  static final String PREFIX = "dev.trackway.";
  static final String POSITION = "position.recorded";
  private static final String HEADER = "ce_";

  static Fact of(ConnectRecord<?> record) {
    Map<String, Object> attributes = ofHeaders(record);
    Object content = record.value();
    if (attributes.isEmpty()) {
      if (!(content instanceof Map<?, ?> value)) {
        throw new DataException("the value is no JSON object: expected a CloudEvent");
      }
      attributes = named(value);
      content = attributes.get("data");
    }
    return new Fact(attributes, content, text(attributes, "id"), text(attributes, "type"));
  }

  boolean isTrackways() {
    return type.startsWith(PREFIX);
  }

  /** What it is about, without the version of its type: {@code position.recorded}. */
  String subject() {
    String[] words = type.substring(PREFIX.length()).split("\\.");
    return words.length < 2 ? words[0] : words[0] + "." + words[1];
  }

  boolean isPosition() {
    return isTrackways() && subject().equals(POSITION);
  }

  Map<String, Object> data() {
    if (content instanceof Map<?, ?> data) {
      return named(data);
    }
    throw new DataException("data of " + type + " are no JSON object");
  }

  /** An attribute that has to be there. */
  String text(String name) {
    return text(attributes, name);
  }

  /** What is wrong with a position without a place. */
  DataException placeless() {
    return new DataException("position " + id + " has no lat and lng");
  }

  /** What stands under these names, where it is there. */
  static void copy(Map<String, Object> from, Map<String, Object> to, Iterable<String> names) {
    for (String name : names) {
      if (from.get(name) != null) {
        to.put(name, from.get(name));
      }
    }
  }

  private static Map<String, Object> ofHeaders(ConnectRecord<?> record) {
    Map<String, Object> attributes = new LinkedHashMap<>();
    for (Header header : record.headers()) {
      if (header.key().startsWith(HEADER)) {
        attributes.put(header.key().substring(HEADER.length()), header.value());
      }
    }
    return attributes;
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
}
