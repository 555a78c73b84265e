package ai.sparktron.packing.bin;

import java.util.Locale;

/** The ways of putting samples into rows; the lower-case name is what options and shard metadata hold. */
public enum Packing {

    /** Longest first, each into the fullest row it still fits: more than 99.9 % full on ordinary lengths. */
    BEST_FIT {
        @Override
        public Packer packer() {
            return new BestFitPacker();
        }
    },

    /** In the given order, a new row whenever the next sample does not fit: keeps neighbours together, 80-95 % full. */
    SEQUENTIAL {
        @Override
        public Packer packer() {
            return new SequentialPacker();
        }
    },

    /** One sample per row. */
    NONE {
        @Override
        public Packer packer() {
            return new UnpackedPacker();
        }
    };

    /** A packer of this kind. */
    public abstract Packer packer();

    /** The name in options and metadata: {@code best_fit}, {@code sequential}, {@code none}. */
    public String optionName() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** @throws IllegalArgumentException when no packing has this name */
    public static Packing ofOptionName(String name) {
        for (Packing packing : values()) {
            if (packing.optionName().equals(name)) {
                return packing;
            }
        }
        throw new IllegalArgumentException("no packing is called '" + name + "': expected best_fit, sequential or none");
    }
}
