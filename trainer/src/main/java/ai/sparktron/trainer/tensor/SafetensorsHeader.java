package ai.sparktron.trainer.tensor;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The JSON header of a safetensors file: which tensor lies where. A file is 8 bytes of header length (little-endian), the header, then the tensors'
 * bytes without gaps; {@code data_offsets} count from the end of the header.
 */
final class SafetensorsHeader {

    /** What readers of the format accept at most. */
    static final long LIMIT_BYTES = 100_000_000;

    private static final ObjectMapper JSON = new ObjectMapper(JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build());
    private static final String METADATA = "__metadata__";

    /** A tensor's place: its entry and where its bytes begin after the header; the entry is null where the element type is not one of ours. */
    record Slot(String name, TensorEntry entry, String dtypeName, long begin, long end) {
    }

    private SafetensorsHeader() {
    }

    /** Slots in the file's order, checked to lie within {@code dataBytes}, without gap or overlap, and to have the sizes their shapes ask for. */
    static Map<String, Slot> parse(Path file, byte[] json, long dataBytes, Map<String, String> metadata) throws IOException {
        JsonNode root;
        try {
            root = JSON.readTree(json);
        } catch (JsonProcessingException e) {
            throw new CorruptTensorFileException(file, "its header is not JSON (" + e.getOriginalMessage() + ")", e);
        }
        if (root == null || !root.isObject()) {
            throw new CorruptTensorFileException(file, "its header is not a JSON object");
        }
        List<Slot> slots = new ArrayList<>();
        for (var fields = root.fields(); fields.hasNext();) {
            Map.Entry<String, JsonNode> field = fields.next();
            if (field.getKey().equals(METADATA)) {
                field.getValue().fields().forEachRemaining(item -> metadata.put(item.getKey(), item.getValue().asText()));
            } else {
                slots.add(slot(file, field.getKey(), field.getValue()));
            }
        }
        slots.sort(Comparator.comparingLong(Slot::begin).thenComparingLong(Slot::end));
        checkCover(file, slots, dataBytes);
        Map<String, Slot> byName = new LinkedHashMap<>();
        slots.forEach(slot -> byName.put(slot.name(), slot));
        return byName;
    }

    private static Slot slot(Path file, String name, JsonNode node) {
        JsonNode shape = node.path("shape");
        JsonNode offsets = node.path("data_offsets");
        if (!node.path("dtype").isTextual() || !shape.isArray() || !offsets.isArray() || offsets.size() != 2) {
            throw new CorruptTensorFileException(file, "tensor " + name + " is described by " + node + "; expected dtype, shape and two data_offsets");
        }
        long[] sizes = new long[shape.size()];
        for (int i = 0; i < sizes.length; i++) {
            sizes[i] = natural(file, name, "shape", shape.get(i));
        }
        long begin = natural(file, name, "data_offsets", offsets.get(0));
        long end = natural(file, name, "data_offsets", offsets.get(1));
        if (end < begin) {
            throw new CorruptTensorFileException(file, "tensor " + name + " has data_offsets " + offsets + ": the end lies before the beginning");
        }
        String dtypeName = node.get("dtype").asText();
        TensorEntry entry = null;
        for (DType dtype : DType.values()) {
            if (dtype.name().equals(dtypeName)) {
                entry = new TensorEntry(name, dtype, Shape.of(sizes));
            }
        }
        if (entry != null) {
            checkSize(file, entry, begin, end);
        }
        return new Slot(name, entry, dtypeName, begin, end);
    }

    private static void checkSize(Path file, TensorEntry entry, long begin, long end) {
        long expected;
        try {
            expected = entry.sizeBytes();
        } catch (ArithmeticException e) {
            throw new CorruptTensorFileException(file, "tensor " + entry.name() + " of shape " + entry.shape() + " has more elements than 63 bits count", e);
        }
        if (end - begin != expected) {
            throw new CorruptTensorFileException(file, "tensor " + entry.name() + " " + entry.dtype() + entry.shape() + " has " + (end - begin)
                    + " bytes by its data_offsets; its type and shape ask for " + expected);
        }
    }

    private static long natural(Path file, String name, String key, JsonNode value) {
        if (!value.isIntegralNumber() || !value.canConvertToLong() || value.asLong() < 0) {
            throw new CorruptTensorFileException(file, "tensor " + name + " has " + value + " in " + key + "; expected an integer of 0 or more");
        }
        return value.asLong();
    }

    private static void checkCover(Path file, List<Slot> slots, long dataBytes) {
        long covered = 0;
        String previous = "the header";
        for (Slot slot : slots) {
            if (slot.begin() != covered) {
                throw new CorruptTensorFileException(file, "tensor " + slot.name() + " begins at byte " + slot.begin() + " of the data but " + previous
                        + " ends at " + covered + (slot.begin() < covered ? ": they overlap" : ": there is a gap"));
            }
            if (slot.end() > dataBytes) {
                throw new CorruptTensorFileException(file, "tensor " + slot.name() + " ends at byte " + slot.end() + " of the data, of which there are "
                        + dataBytes + ": the file is truncated; fetch or write it again");
            }
            covered = slot.end();
            previous = "tensor " + slot.name();
        }
        if (covered != dataBytes) {
            throw new CorruptTensorFileException(file, "its header describes " + covered + " bytes of data but " + dataBytes + " follow it");
        }
    }

    /** The first bytes of a file that holds {@code entries} one after the other: length, header, padded to a multiple of 8. */
    static byte[] encode(List<TensorEntry> entries, Map<String, String> metadata) {
        ObjectNode root = JSON.createObjectNode();
        if (!metadata.isEmpty()) {
            ObjectNode node = root.putObject(METADATA);
            metadata.forEach(node::put);
        }
        long begin = 0;
        for (TensorEntry entry : entries) {
            ObjectNode node = root.putObject(entry.name());
            node.put("dtype", entry.dtype().name());
            ArrayNode shape = node.putArray("shape");
            for (long size : entry.shape().toArray()) {
                shape.add(size);
            }
            long end = begin + entry.sizeBytes();
            node.putArray("data_offsets").add(begin).add(end);
            begin = end;
        }
        byte[] json = root.toString().getBytes(StandardCharsets.UTF_8);
        int padded = (json.length + 7) / 8 * 8;
        byte[] bytes = new byte[8 + padded];
        for (int i = 0; i < 8; i++) {
            bytes[i] = (byte) ((long) padded >>> (8 * i));
        }
        System.arraycopy(json, 0, bytes, 8, json.length);
        for (int i = 8 + json.length; i < bytes.length; i++) {
            bytes[i] = ' ';
        }
        return bytes;
    }
}
