package ai.sparktron.trainer.train;

import java.util.ArrayList;
import java.util.List;

/**
 * Which layers have experts, as {@code moe_layer_freq} writes it: a number n for layers 0, n, 2n ..., or a list of 0 and 1, one for each layer, in which stretches may be
 * repeated and added: {@code [0]*3+[1]*58}, {@code ([0]+[1]*2)*4}.
 */
final class LayerPattern {

    private static final String FORM = "expected a number of layers, or a list of 0 and 1 for each layer as in [0]*3+[1]*58";

    private final String text;
    private int next;

    private LayerPattern(String text) {
        this.text = text;
    }

    /**
     * For each layer whether it has experts.
     *
     * @throws IllegalArgumentException when the text is no such pattern, or is one for another number of layers
     */
    static List<Boolean> of(String text, int layers) {
        String compact = text.replaceAll("\\s", "");
        if (compact.matches("[1-9]\\d{0,5}")) {
            int frequency = Integer.parseInt(compact);
            List<Boolean> every = new ArrayList<>();
            for (int layer = 0; layer < layers; layer++) {
                every.add(layer % frequency == 0);
            }
            return every;
        }
        LayerPattern pattern = new LayerPattern(compact);
        List<Boolean> listed = pattern.sum();
        if (pattern.next < compact.length()) {
            throw pattern.refusal();
        }
        if (listed.size() != layers) {
            throw new IllegalArgumentException("--moe_layer_freq " + text + " lists " + listed.size() + " layers, the model has " + layers);
        }
        return listed;
    }

    private List<Boolean> sum() {
        List<Boolean> all = new ArrayList<>(product());
        while (takes('+')) {
            all.addAll(product());
        }
        return all;
    }

    private List<Boolean> product() {
        List<Boolean> once = stretch();
        if (!takes('*')) {
            return once;
        }
        int from = next;
        while (next < text.length() && Character.isDigit(text.charAt(next))) {
            next++;
        }
        if (from == next || next - from > 5) {
            throw refusal();
        }
        List<Boolean> all = new ArrayList<>();
        for (int times = Integer.parseInt(text.substring(from, next)); times > 0; times--) {
            all.addAll(once);
        }
        return all;
    }

    private List<Boolean> stretch() {
        if (takes('(')) {
            List<Boolean> inner = sum();
            require(')');
            return inner;
        }
        require('[');
        List<Boolean> listed = new ArrayList<>();
        do {
            boolean experts = takes('1');
            if (!experts) {
                require('0');
            }
            listed.add(experts);
        } while (takes(','));
        require(']');
        return listed;
    }

    private boolean takes(char expected) {
        boolean there = next < text.length() && text.charAt(next) == expected;
        next += there ? 1 : 0;
        return there;
    }

    private void require(char expected) {
        if (!takes(expected)) {
            throw refusal();
        }
    }

    private IllegalArgumentException refusal() {
        return new IllegalArgumentException("--moe_layer_freq " + text + " cannot be read from character " + (next + 1) + " on: " + FORM);
    }
}
