package ai.sparktron.trainer.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsTest {

    @TempDir
    Path folder;

    private static TensorEntry entry(String name, DType dtype, long... shape) {
        return new TensorEntry(name, dtype, Shape.of(shape));
    }

    @Test
    void writesPiecesInAnyOrderAndReadsRanges() throws IOException {
        Path file = folder.resolve("model.safetensors");
        try (SafetensorsWriter writer = SafetensorsWriter.create(file,
                List.of(entry("a", DType.F32, 2, 3), entry("b", DType.BF16, 4), entry("none", DType.F32, 0, 7), entry("scalar", DType.I64)),
                SafetensorsWriter.PYTORCH_METADATA)) {
            writer.writeFloats("b", new float[] {1, 1.00390625f, -2, 3e38f});
            writer.writeFloats("a", new float[] {1, 2});
            writer.write("scalar", ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(0, 42));
            writer.writeFloats("a", new float[] {3, 4, 5, 6});
            assertFalse(Files.exists(file), "the name appears only when complete");
            writer.commit();
        }
        try (SafetensorsFile read = SafetensorsFile.open(file)) {
            assertEquals(Map.of("format", "pt"), read.metadata());
            assertEquals(List.of("a", "b", "none", "scalar"), read.names());
            assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, read.readFloats("a"));
            assertArrayEquals(new float[] {3, 4, 5}, read.readFloats("a", 2, 3));
            assertArrayEquals(new float[] {1, 1, -2, HalfPrecision.fromBfloat16(HalfPrecision.toBfloat16(3e38f))}, read.readFloats("b"));
            assertEquals(0, read.readFloats("none").length);
            ByteBuffer scalar = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
            read.read("scalar", 0, scalar);
            assertEquals(42, scalar.getLong(0));
            assertMessage("tensor a F32[2, 3], which has 24", () -> read.read("a", 20, ByteBuffer.allocate(8)));
            assertMessage("no tensor x", () -> read.readFloats("x"));
            assertMessage("I64", () -> read.readFloats("scalar"));
        }
        assertEquals(0, Files.readAllBytes(file)[0] % 8, "data begins at a multiple of 8");
    }

    @Test
    void anAbandonedOrIncompleteFileLeavesNothing() throws IOException {
        Path file = folder.resolve("x.safetensors");
        try (SafetensorsWriter writer = SafetensorsWriter.create(file, List.of(entry("a", DType.F32, 2)), Map.of())) {
            writer.writeFloats("a", new float[] {1});
            assertTrue(assertThrows(IllegalStateException.class, writer::commit).getMessage().contains("tensor a has 4 of its 8 bytes"));
            assertThrows(IllegalStateException.class, () -> writer.writeFloats("a", new float[] {1, 2}));
            assertThrows(IllegalStateException.class, () -> writer.writeFloats("b", new float[] {1}));
        }
        try (var left = Files.list(folder)) {
            assertEquals(0, left.count());
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}} | 4 | tensor a F32[2] has 4 bytes by its data_offsets; its type and shape ask for 8",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}} | 7 | truncated",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}} | 9 | describes 8 bytes of data but 9 follow",
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}} | 3 | overlap",
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}} | 3 | gap",
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[-2],\"data_offsets\":[0,2]}} | 2 | tensor a has -2 in shape",
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[2]}} | 2 | expected dtype, shape and two data_offsets",
            "{\"a\":{\"dtype\":\"F64\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,2]}} | 2 | 63 bits",
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}} | 2 | Duplicate",
            "{\"a\": | 2 | not JSON",
            "[1] | 0 | not a JSON object"})
    void corruptHeadersNameFileAndTensor(String json, int dataBytes, String message) throws IOException {
        Path file = raw(json.getBytes(StandardCharsets.UTF_8), dataBytes);
        assertMessage(message, () -> SafetensorsFile.open(file).close());
        assertMessage(file.toString(), () -> SafetensorsFile.open(file).close());
    }

    private Path raw(byte[] json, int dataBytes) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(8 + json.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN).putLong(json.length).put(json);
        return Files.write(folder.resolve("corrupt.safetensors"), bytes.array());
    }

    @Test
    void filesThatAreNoSafetensors() throws IOException {
        Path empty = Files.write(folder.resolve("empty"), new byte[3]);
        assertMessage("it has 3 bytes", () -> SafetensorsFile.open(empty).close());
        Path text = Files.writeString(folder.resolve("text"), "version https://git-lfs.github.com/spec/v1\n");
        assertMessage("not a safetensors file", () -> SafetensorsFile.open(text).close());
        Path odd = raw("{\"a\":{\"dtype\":\"C64\",\"shape\":[1],\"data_offsets\":[0,8]}}".getBytes(StandardCharsets.UTF_8), 8);
        try (SafetensorsFile file = SafetensorsFile.open(odd)) {
            assertTrue(file.contains("a"));
            assertMessage("tensor a has elements of type C64", () -> file.entry("a"));
        }
    }

    @Test
    void aModelOfSeveralFiles() throws IOException {
        List<TensorEntry> entries = List.of(entry("c", DType.F32, 100), entry("a", DType.F32, 50), entry("b", DType.F32, 60), entry("d", DType.F32, 1));
        try (SafetensorsFolderWriter writer = SafetensorsFolderWriter.create(folder.resolve("big"), entries, 300)) {
            for (TensorEntry entry : entries) {
                float[] values = new float[(int) entry.shape().elements()];
                java.util.Arrays.fill(values, entry.name().charAt(0));
                writer.writeFloats(entry.name(), values);
            }
            writer.commit();
        }
        assertTrue(Files.readString(folder.resolve("big").resolve(SafetensorsFolder.INDEX)).contains("\"total_size\" : 844"));
        try (SafetensorsFolder read = SafetensorsFolder.open(folder.resolve("big"))) {
            assertEquals(List.of("a", "b", "c", "d"), List.copyOf(read.names()));
            assertEquals("model-00002-of-00003.safetensors", read.file("a").file().getFileName().toString());
            assertArrayEquals(new float[] {'b', 'b'}, read.readFloats("b", 58, 2));
            assertEquals(Shape.of(100), read.entry("c").shape());
        }
        Files.delete(folder.resolve("big").resolve("model-00003-of-00003.safetensors"));
        Exception missing = assertThrows(NoSuchFileException.class, () -> SafetensorsFolder.open(folder.resolve("big")));
        assertTrue(missing.getMessage().contains("model-00003-of-00003.safetensors"), missing.getMessage());
        assertThrows(NoSuchFileException.class, () -> SafetensorsFolder.open(folder));
    }

    /** A sparse file: three tensors, the second of 2.5 GB, so offsets pass 2^31 and 2^32 is near; only touched pages exist. */
    @Test
    void offsetsPastTwoGigabytes() throws IOException {
        Path file = folder.resolve("large.safetensors");
        long middle = 2_500_000_000L;
        byte[] header = SafetensorsHeader.encode(List.of(entry("a", DType.U8, 8), entry("m", DType.U8, middle), entry("z", DType.F32, 2)), Map.of());
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.SPARSE)) {
            channel.write(ByteBuffer.wrap(header), 0);
            ByteBuffer tail = ByteBuffer.allocate(9).order(ByteOrder.LITTLE_ENDIAN).put((byte) 7).putFloat(1.5f).putFloat(-2.5f);
            channel.write(tail.flip(), header.length + 8 + middle - 1);
        }
        try (SafetensorsFile read = SafetensorsFile.open(file)) {
            assertArrayEquals(new float[] {1.5f, -2.5f}, read.readFloats("z"));
            ByteBuffer last = ByteBuffer.allocate(2);
            read.read("m", middle - 2, last);
            assertEquals(7, last.get(1));
        }
    }

    private static void assertMessage(String part, org.junit.jupiter.api.function.Executable action) {
        Exception e = assertThrows(IllegalArgumentException.class, action);
        assertTrue(e.getMessage().contains(part), e.getMessage());
    }
}
