package ai.sparktron.trainer.train.metrics;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Tokens per expert as a picture: a row for each layer with experts, the first on top, a column for each expert. An expert with its even share is grey, one with none
 * blue, one with twice its share or more red.
 *
 * @param width  in pixels
 * @param height in pixels
 * @param png    the file
 */
record ExpertPicture(int width, int height, byte[] png) {

    private static final int LARGEST_WIDTH = 1024;
    private static final int LARGEST_CELL = 16;
    private static final int NONE = 0x2166ac;
    private static final int EVEN = 0xd9d9d9;
    private static final int TWICE = 0xb2182b;

    static ExpertPicture of(ExpertTokens tokens) {
        List<double[]> rows = new ArrayList<>(tokens.tokens().values());
        int experts = rows.get(0).length;
        int cell = Math.max(1, Math.min(LARGEST_CELL, LARGEST_WIDTH / experts));
        int width = experts * cell;
        int height = rows.size() * cell;
        int[] pixels = new int[width * height];
        for (int y = 0; y < height; y++) {
            double[] row = rows.get(y / cell);
            double mean = Arrays.stream(row).average().orElse(0);
            for (int x = 0; x < width; x++) {
                pixels[y * width + x] = colour(mean == 0 ? 1 : row[x / cell] / mean);
            }
        }
        return new ExpertPicture(width, height, PngFile.of(width, pixels));
    }

    /** @param share of the even share */
    static int colour(double share) {
        return share < 1 ? between(NONE, EVEN, share) : between(EVEN, TWICE, Math.min(1, share - 1));
    }

    private static int between(int from, int to, double part) {
        int colour = 0;
        for (int shift = 16; shift >= 0; shift -= 8) {
            int low = from >> shift & 0xff;
            int high = to >> shift & 0xff;
            colour |= (int) Math.round(low + (high - low) * part) << shift;
        }
        return colour;
    }
}
