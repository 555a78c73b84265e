package ai.sparktron.trainer.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Eight bits as PyTorch rounds them; {@code make_float8.py} beside {@code float8.txt} wrote the numbers. */
class Float8Test {

    private static final int NUMBERS = 256;

    private static List<String> lines() throws IOException {
        try (InputStream in = Float8Test.class.getResourceAsStream("float8.txt")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        }
    }

    private static int bits(String hexadecimal) {
        return Integer.parseUnsignedInt(hexadecimal, 16);
    }

    /** Ties, subnormal numbers, zeros of both signs, what saturates. */
    @Test
    void roundsAsPyTorch() throws IOException {
        List<String> lines = lines();
        int subnormal = 0;
        for (String line : lines.subList(0, lines.size() - 2)) {
            String[] words = line.split(" ");
            float value = Float.intBitsToFloat(bits(words[0]));
            if (Float.isNaN(value)) {
                assertTrue(Float.isNaN(Float8.fromE4m3(Float8.toE4m3(value))) && Float.isNaN(Float8.fromE5m2(Float8.toE5m2(value))));
                continue;
            }
            assertEquals(bits(words[1]), Float8.encode(DType.F8_E4M3, value) & 0xff, value + " in E4M3");
            assertEquals(bits(words[2]), Float8.encode(DType.F8_E5M2, value) & 0xff, value + " in E5M2");
            subnormal += (bits(words[1]) & 0x7f) > 0 && (bits(words[1]) & 0x78) == 0 ? 1 : 0;
        }
        assertTrue(lines.size() > 600 && subnormal > 20, lines.size() + " numbers, " + subnormal + " subnormal");
    }

    @Test
    void readsAsPyTorch() throws IOException {
        List<String> lines = lines();
        DType[] types = {DType.F8_E4M3, DType.F8_E5M2};
        for (int type = 0; type < 2; type++) {
            String[] words = lines.get(lines.size() - 2 + type).split(" ");
            assertEquals(NUMBERS, words.length);
            for (int i = 0; i < NUMBERS; i++) {
                float expected = Float.intBitsToFloat(bits(words[i]));
                float read = Float8.decode(types[type], (byte) i);
                assertEquals(expected, read, types[type] + " " + i);
                if (Float.isFinite(read)) {
                    assertEquals((byte) i, Float8.encode(types[type], read), "what was read is written to the same bits");
                    assertTrue(Math.abs(read) <= Float8.largest(types[type]));
                }
            }
        }
    }

    @Test
    void otherTypesAreRefused() {
        assertThrows(IllegalStateException.class, () -> Float8.encode(DType.U8, 1));
    }
}
