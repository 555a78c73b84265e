package ai.sparktron.trainer.config;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Sizes as people write them: {@code 500MB}, {@code 5GB}; powers of ten, as Hugging Face reads them, and {@code GiB} for powers of two. */
final class ByteSize {

    private static final Pattern FORM = Pattern.compile("(\\d+(?:\\.\\d+)?)\\s*([KMGT]?)(I?)B?");
    private static final String UNITS = "KMGT";

    private ByteSize() {
    }

    /** Bytes of a text. @throws IllegalArgumentException with the expected form */
    static long parse(String text) {
        Matcher matcher = FORM.matcher(text.trim().toUpperCase(Locale.ROOT));
        if (!matcher.matches()) {
            throw new IllegalArgumentException("a size such as 500MB or 5GB is expected");
        }
        int power = matcher.group(2).isEmpty() ? 0 : UNITS.indexOf(matcher.group(2)) + 1;
        double unit = Math.pow(matcher.group(3).isEmpty() ? 1000 : 1024, power);
        long bytes = (long) (Double.parseDouble(matcher.group(1)) * unit);
        if (bytes < 1) {
            throw new IllegalArgumentException("a size above zero, such as 5GB, is expected");
        }
        return bytes;
    }
}
