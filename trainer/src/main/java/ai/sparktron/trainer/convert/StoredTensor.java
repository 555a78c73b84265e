package ai.sparktron.trainer.convert;

import ai.sparktron.trainer.tensor.SafetensorsFolder;
import java.io.IOException;

/** A tensor of a model as its files hold it: under a name of its own, as a part of a larger one, or in FP8 with scales beside. */
interface StoredTensor {

    /** Elements {@code from} to {@code from + count}, row-major, as float32. */
    float[] read(long from, int count) throws IOException;

    /** File and name, for messages. */
    String where();

    /** A tensor of a float type. @throws IllegalArgumentException when it is of another type */
    static StoredTensor plain(SafetensorsFolder folder, String name) {
        return switch (folder.entry(name).dtype()) {
            case F64, F32, BF16, F16 -> new Plain(folder, name, 0);
            case F8_E4M3, F8_E5M2, I64, I32, I16, U8, BOOL -> throw new IllegalArgumentException(folder.file(name).file() + ": tensor " + name + " has type "
                    + folder.entry(name).dtype() + "; expected F32, BF16, F16, F64, or F8_E4M3 with a scale for each block (" + name
                    + "_scale_inv): use a copy of the model that is not quantised otherwise");
        };
    }

    /** A tensor, or elements of it from {@code first} on. */
    record Plain(SafetensorsFolder folder, String name, long first) implements StoredTensor {

        @Override
        public float[] read(long from, int count) throws IOException {
            return folder.readFloats(name, first + from, count);
        }

        @Override
        public String where() {
            return folder.file(name).file() + ": tensor " + name;
        }
    }

    /**
     * A matrix in FP8, each block of which is to be multiplied by a scale of its own, as DeepSeek-V3 is published.
     *
     * @param columns      of the matrix
     * @param blockRows    rows of a block
     * @param blockColumns columns of a block
     * @param scales       of the blocks, row-major
     */
    record Blocks(SafetensorsFolder folder, String name, long columns, int blockRows, int blockColumns, float[] scales) implements StoredTensor {

        @Override
        public float[] read(long from, int count) throws IOException {
            float[] values = folder.readFloats(name, from, count);
            int blocksOfRow = Math.toIntExact((columns + blockColumns - 1) / blockColumns);
            for (int i = 0; i < count; i++) {
                long row = (from + i) / columns;
                long column = (from + i) % columns;
                values[i] *= scales[Math.toIntExact(row / blockRows * blocksOfRow + column / blockColumns)];
            }
            return values;
        }

        @Override
        public String where() {
            return folder.file(name).file() + ": tensor " + name;
        }
    }
}
