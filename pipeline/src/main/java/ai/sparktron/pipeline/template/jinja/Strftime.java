package ai.sparktron.pipeline.template.jinja;

import java.time.LocalDateTime;
import java.time.format.TextStyle;
import java.util.Locale;

/** {@code strftime} in the C locale. */
final class Strftime {

    private Strftime() {
    }

    static String format(LocalDateTime time, String format) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < format.length(); i++) {
            char c = format.charAt(i);
            if (c != '%') {
                out.append(c);
                continue;
            }
            boolean plain = i + 1 < format.length() && format.charAt(i + 1) == '-';
            i += plain ? 2 : 1;
            if (i >= format.length()) {
                throw JinjaException.value("strftime format '" + format + "' ends in the middle of a directive");
            }
            String text = directive(time, format.charAt(i), format);
            out.append(plain && text.matches("[0 ]\\d+") ? text.substring(1) : text);
        }
        return out.toString();
    }

    private static String directive(LocalDateTime time, char directive, String format) {
        return switch (directive) {
            case 'd' -> two(time.getDayOfMonth());
            case 'e' -> String.format("%2d", time.getDayOfMonth());
            case 'm' -> two(time.getMonthValue());
            case 'Y' -> String.valueOf(time.getYear());
            case 'y' -> two(time.getYear() % 100);
            case 'H' -> two(time.getHour());
            case 'I' -> two((time.getHour() + 11) % 12 + 1);
            case 'M' -> two(time.getMinute());
            case 'S' -> two(time.getSecond());
            case 'f' -> String.format("%06d", time.getNano() / 1000);
            case 'p' -> time.getHour() < 12 ? "AM" : "PM";
            case 'j' -> String.format("%03d", time.getDayOfYear());
            case 'w' -> String.valueOf(time.getDayOfWeek().getValue() % 7);
            case 'u' -> String.valueOf(time.getDayOfWeek().getValue());
            case 'a' -> time.getDayOfWeek().getDisplayName(TextStyle.SHORT, Locale.ENGLISH);
            case 'A' -> time.getDayOfWeek().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
            case 'b', 'h' -> time.getMonth().getDisplayName(TextStyle.SHORT, Locale.ENGLISH).substring(0, 3);
            case 'B' -> time.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
            case 'F' -> format(time, "%Y-%m-%d");
            case 'T' -> format(time, "%H:%M:%S");
            case 'R' -> format(time, "%H:%M");
            case 'D' -> format(time, "%m/%d/%y");
            case '%' -> "%";
            case 'n' -> "\n";
            case 't' -> "\t";
            default -> throw new JinjaException(JinjaException.Kind.UNSUPPORTED, "strftime directive '%" + directive + "' in '" + format
                    + "': expected one of d e m Y y H I M S f p j w u a A b B F T R D");
        };
    }

    private static String two(int value) {
        return value < 10 ? "0" + value : String.valueOf(value);
    }
}
