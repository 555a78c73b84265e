package ai.sparktron.trainer.train.metrics;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import java.util.zip.Deflater;

/** Pictures as PNG files (ISO/IEC 15948), eight bits for each of red, green and blue. Without AWT, which small Java installations of GPU hosts do not have. */
final class PngFile {

    private static final byte[] SIGNATURE = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    private static final int HEADER_BYTES = 13;
    private static final byte DEPTH = 8;
    private static final byte RED_GREEN_BLUE = 2;
    private static final int COLOURS = 3;
    private static final int PIECE_BYTES = 1 << 13;

    private PngFile() {
    }

    /** @param pixels rows of {@code width}, the first on top, as 0xrrggbb */
    static byte[] of(int width, int[] pixels) {
        int height = pixels.length / width;
        // Each row begins with the number of its filter: 0, none.
        ByteBuffer rows = ByteBuffer.allocate(height * (1 + width * COLOURS));
        for (int i = 0; i < pixels.length; i++) {
            if (i % width == 0) {
                rows.put((byte) 0);
            }
            rows.put((byte) (pixels[i] >> 16)).put((byte) (pixels[i] >> 8)).put((byte) pixels[i]);
        }
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        file.writeBytes(SIGNATURE);
        // After the type of colours: compression, filters and interlacing, each 0, the usual.
        chunk(file, "IHDR", ByteBuffer.allocate(HEADER_BYTES).putInt(width).putInt(height).put(DEPTH).put(RED_GREEN_BLUE).array());
        chunk(file, "IDAT", deflated(rows.array()));
        chunk(file, "IEND", new byte[0]);
        return file.toByteArray();
    }

    private static void chunk(ByteArrayOutputStream file, String type, byte[] data) {
        byte[] name = type.getBytes(StandardCharsets.US_ASCII);
        CRC32 check = new CRC32();
        check.update(name);
        check.update(data);
        file.writeBytes(ByteBuffer.allocate(Integer.BYTES).putInt(data.length).array());
        file.writeBytes(name);
        file.writeBytes(data);
        file.writeBytes(ByteBuffer.allocate(Integer.BYTES).putInt((int) check.getValue()).array());
    }

    private static byte[] deflated(byte[] data) {
        Deflater deflater = new Deflater();
        try {
            deflater.setInput(data);
            deflater.finish();
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            byte[] piece = new byte[PIECE_BYTES];
            while (!deflater.finished()) {
                out.write(piece, 0, deflater.deflate(piece));
            }
            return out.toByteArray();
        } finally {
            deflater.end();
        }
    }
}
