package ai.sparktron.trainer.train.metrics;

import java.util.Locale;

/** How figures are written for people. */
public final class Figures {

    private Figures() {
    }

    /** {@code 4s}, {@code 3m 20s}, {@code 2h 05m}, {@code 3d 04h}. */
    public static String duration(double seconds) {
        if (Double.isNaN(seconds) || Double.isInfinite(seconds)) {
            return "?";
        }
        long whole = Math.max(0, Math.round(seconds));
        if (whole < 60) {
            return whole + "s";
        }
        if (whole < 3600) {
            return String.format(Locale.ROOT, "%dm %02ds", whole / 60, whole % 60);
        }
        if (whole < 86_400) {
            return String.format(Locale.ROOT, "%dh %02dm", whole / 3600, whole % 3600 / 60);
        }
        return String.format(Locale.ROOT, "%dd %02dh", whole / 86_400, whole % 86_400 / 3600);
    }

    /** {@code 1.25 GiB}, {@code 310 MiB}. */
    public static String bytes(double bytes) {
        String[] units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
        int unit = 0;
        double value = bytes;
        while (value >= 1024 && unit < units.length - 1) {
            value /= 1024;
            unit++;
        }
        return String.format(Locale.ROOT, unit == 0 || value >= 100 ? "%.0f %s" : "%.2f %s", value, units[unit]);
    }

    /** Four or more significant digits, short: {@code 2.3457}, {@code 9.8e-06}, {@code 0}. */
    public static String number(double value) {
        if (value == 0) {
            return "0";
        }
        double magnitude = Math.abs(value);
        if (magnitude < 1e-3 || magnitude >= 1e6) {
            return String.format(Locale.ROOT, "%.3e", value);
        }
        return String.format(Locale.ROOT, "%.4f", value);
    }

    /** {@code 15.8 %} of a part from 0 to 1. */
    public static String percent(double part) {
        return String.format(Locale.ROOT, "%.1f %%", part * 100);
    }

    /** Thousands separated: {@code 52,310}. */
    public static String count(double value) {
        return String.format(Locale.ROOT, "%,.0f", value);
    }
}
