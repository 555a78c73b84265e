package ai.sparktron.packing.shard;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads manifest.json; every message says which field of which file. */
final class ManifestParser {

    private final String where;

    private ManifestParser(String where) {
        this.where = where;
    }

    static ShardManifest parse(byte[] json, String where) {
        try {
            return new ManifestParser(where).manifest(new ObjectMapper().readTree(json));
        } catch (IOException e) {
            throw new ShardException(where + " is not valid JSON: " + e.getMessage(), e);
        }
    }

    private ShardManifest manifest(JsonNode root) {
        String format = root.path("format").asText("");
        if (!format.equals(ShardManifest.FORMAT)) {
            throw new ShardException(where + ": format is '" + format + "', expected '" + ShardManifest.FORMAT + "': this is not a manifest of shards");
        }
        long version = number(root, "version", "version");
        if (version != ShardManifest.VERSION) {
            throw new ShardException(where + ": version is " + version + ", this build reads version " + ShardManifest.VERSION
                    + ": prepare the data again, or use the build that made it");
        }
        Map<String, String> fields = new LinkedHashMap<>();
        root.path("metadata").fields().forEachRemaining(field -> fields.put(field.getKey(), field.getValue().asText()));
        ShardMetadata metadata = ShardMetadata.fromMap(fields, where + ", metadata");
        JsonNode list = root.path("shards");
        if (!list.isArray()) {
            throw new ShardException(where + ": shards is missing, expected a list");
        }
        List<ShardEntry> shards = new ArrayList<>();
        for (int i = 0; i < list.size(); i++) {
            shards.add(entry(list.get(i), "shards[" + i + "]"));
        }
        ShardManifest manifest = manifest(metadata, shards);
        ShardCounts totals = counts(root.path("totals"), "totals");
        if (!totals.equals(manifest.counts())) {
            throw new ShardException(where + ": totals are " + totals + ", but the shards listed have " + manifest.counts() + ": the file is damaged");
        }
        return manifest;
    }

    private ShardManifest manifest(ShardMetadata metadata, List<ShardEntry> shards) {
        try {
            return new ShardManifest(metadata, shards);
        } catch (IllegalArgumentException e) {
            throw new ShardException(where + ": " + e.getMessage(), e);
        }
    }

    private ShardEntry entry(JsonNode node, String field) {
        String crc = node.path("crc32c").asText("");
        if (!crc.matches("[0-9a-f]{8}")) {
            throw new ShardException(where + ": " + field + ".crc32c is '" + crc + "', expected eight hexadecimal digits");
        }
        try {
            return new ShardEntry(node.path("file").asText(""), number(node, "bytes", field + ".bytes"), Long.parseLong(crc, 16), counts(node, field));
        } catch (IllegalArgumentException e) {
            throw new ShardException(where + ": " + field + ": " + e.getMessage(), e);
        }
    }

    private ShardCounts counts(JsonNode node, String field) {
        try {
            return new ShardCounts(number(node, "rows", field + ".rows"), number(node, "tokens", field + ".tokens"),
                    number(node, "trainedTokens", field + ".trainedTokens"), number(node, "documents", field + ".documents"));
        } catch (IllegalArgumentException e) {
            throw new ShardException(where + ": " + field + ": " + e.getMessage(), e);
        }
    }

    private long number(JsonNode node, String name, String field) {
        JsonNode value = node.path(name);
        if (!value.isIntegralNumber() || !value.canConvertToLong()) {
            throw new ShardException(where + ": " + field + " is " + (value.isMissingNode() ? "missing" : value) + ", expected a whole number");
        }
        return value.asLong();
    }
}
