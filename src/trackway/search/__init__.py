"""Search in what Kafka Connect has carried to Elasticsearch: who asks reads, Connect is the only writer."""
