package ai.sparktron.notebooks;

import java.util.Locale;

/** Text and numbers on their way into HTML and SVG. */
final class Html {

    private Html() {
    }

    /**
     * Text that a browser shows as it stands, in elements and in quoted attributes. The percent sign is spelled out too: Zeppelin would take a line of
     * the output that begins with {@code %md} for another display system.
     */
    static String escape(String text) {
        StringBuilder escaped = new StringBuilder(text.length() + 16);
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '&' -> escaped.append("&amp;");
                case '<' -> escaped.append("&lt;");
                case '>' -> escaped.append("&gt;");
                case '"' -> escaped.append("&quot;");
                case '\'' -> escaped.append("&#39;");
                case '%' -> escaped.append("&#37;");
                default -> escaped.append(c);
            }
        }
        return escaped.toString();
    }

    /** A coordinate of a picture: two decimals, with a point in every locale. */
    static String pixels(double value) {
        return String.format(Locale.ROOT, "%.2f", value);
    }

    /** A number for people: whole ones with separators, others with as many digits as say something. */
    static String number(double value) {
        if (value == Math.rint(value) && Math.abs(value) < 1e15) {
            return String.format(Locale.ROOT, "%,d", (long) value);
        }
        double size = Math.abs(value);
        if (size < 1e-3 || size >= 1e15) {
            return String.format(Locale.ROOT, "%.3g", value);
        }
        return String.format(Locale.ROOT, size < 1 ? "%.4f" : size < 100 ? "%.3f" : "%,.1f", value);
    }
}
