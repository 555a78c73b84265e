package ai.sparktron.pipeline.tokenize;

import java.util.BitSet;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntPredicate;

/** Sets of code points by name, with the meaning they have in Oniguruma (Unicode 16), for {@link RegexParser}. */
final class CodePoints {
    static final int COUNT = 0x110000;
    /** General categories in the order of {@code Character.getType}. */
    private static final String[] CATEGORIES = new String[31];

    static {
        CATEGORIES[Character.UNASSIGNED] = "Cn";
        CATEGORIES[Character.UPPERCASE_LETTER] = "Lu";
        CATEGORIES[Character.LOWERCASE_LETTER] = "Ll";
        CATEGORIES[Character.TITLECASE_LETTER] = "Lt";
        CATEGORIES[Character.MODIFIER_LETTER] = "Lm";
        CATEGORIES[Character.OTHER_LETTER] = "Lo";
        CATEGORIES[Character.NON_SPACING_MARK] = "Mn";
        CATEGORIES[Character.ENCLOSING_MARK] = "Me";
        CATEGORIES[Character.COMBINING_SPACING_MARK] = "Mc";
        CATEGORIES[Character.DECIMAL_DIGIT_NUMBER] = "Nd";
        CATEGORIES[Character.LETTER_NUMBER] = "Nl";
        CATEGORIES[Character.OTHER_NUMBER] = "No";
        CATEGORIES[Character.SPACE_SEPARATOR] = "Zs";
        CATEGORIES[Character.LINE_SEPARATOR] = "Zl";
        CATEGORIES[Character.PARAGRAPH_SEPARATOR] = "Zp";
        CATEGORIES[Character.CONTROL] = "Cc";
        CATEGORIES[Character.FORMAT] = "Cf";
        CATEGORIES[Character.PRIVATE_USE] = "Co";
        CATEGORIES[Character.SURROGATE] = "Cs";
        CATEGORIES[Character.DASH_PUNCTUATION] = "Pd";
        CATEGORIES[Character.START_PUNCTUATION] = "Ps";
        CATEGORIES[Character.END_PUNCTUATION] = "Pe";
        CATEGORIES[Character.CONNECTOR_PUNCTUATION] = "Pc";
        CATEGORIES[Character.OTHER_PUNCTUATION] = "Po";
        CATEGORIES[Character.MATH_SYMBOL] = "Sm";
        CATEGORIES[Character.CURRENCY_SYMBOL] = "Sc";
        CATEGORIES[Character.MODIFIER_SYMBOL] = "Sk";
        CATEGORIES[Character.OTHER_SYMBOL] = "So";
        CATEGORIES[Character.INITIAL_QUOTE_PUNCTUATION] = "Pi";
        CATEGORIES[Character.FINAL_QUOTE_PUNCTUATION] = "Pf";
    }

    /** Folded code point to all that fold to it. */
    private static final Map<Integer, BitSet> SAME_FOLD = sameFold();

    private CodePoints() { }

    /**
     * The set of {@code \p{name}}: a general category ({@code L}, {@code Lu} ...), the same as a word, or {@code Han}.
     *
     * @return null when the name is not known
     */
    static BitSet property(String name) {
        String category = switch (name.toLowerCase(Locale.ROOT)) {
            case "letter" -> "L";
            case "mark" -> "M";
            case "number" -> "N";
            case "punctuation", "punct" -> "P";
            case "symbol" -> "S";
            case "separator" -> "Z";
            case "other" -> "C";
            default -> name;
        };
        if (category.equals("Han")) {
            return where(UnicodeClasses::isHan);
        }
        boolean isKnown = false;
        for (String known : CATEGORIES) {
            isKnown |= known != null && known.startsWith(category);
        }
        return isKnown && !category.isEmpty()
                ? where(codePoint -> CATEGORIES[UnicodeClasses.categoryOf(codePoint)].startsWith(category)) : null;
    }

    /** {@code \s}. */
    static BitSet space() {
        return where(codePoint -> (UnicodeClasses.bitsOf(codePoint) & UnicodeClasses.SPACE) != 0);
    }

    /** {@code \d}. */
    static BitSet digit() {
        return property("Nd");
    }

    /** {@code \w}: alphabetic, mark, decimal digit, connector. */
    static BitSet word() {
        BitSet word = where(codePoint -> isWord(codePoint));
        word.clear(0x200C, 0x200E); // the joiners belong to \w of Rust's crate only
        return word;
    }

    /** What {@code \w} of Rust's regex crate matches, which looks at added tokens' neighbours. */
    static boolean isWord(int codePoint) {
        int category = UnicodeClasses.categoryOf(codePoint);
        return (UnicodeClasses.bitsOf(codePoint) & (UnicodeClasses.LETTER | UnicodeClasses.MARK)) != 0
                || category == Character.DECIMAL_DIGIT_NUMBER || category == Character.LETTER_NUMBER
                || category == Character.CONNECTOR_PUNCTUATION || codePoint == 0x200C || codePoint == 0x200D
                || codePoint >= 0x24B6 && codePoint <= 0x24E9 || codePoint >= 0x1F130 && codePoint <= 0x1F149
                || codePoint >= 0x1F150 && codePoint <= 0x1F169 || codePoint >= 0x1F170 && codePoint <= 0x1F189;
    }

    static BitSet one(int codePoint) {
        BitSet set = new BitSet();
        set.set(codePoint);
        return set;
    }

    static BitSet where(IntPredicate predicate) {
        BitSet set = new BitSet(COUNT);
        for (int codePoint = 0; codePoint < COUNT; codePoint++) {
            if (predicate.test(codePoint)) {
                set.set(codePoint);
            }
        }
        return set;
    }

    static BitSet complement(BitSet set) {
        BitSet complement = (BitSet) set.clone();
        complement.flip(0, COUNT);
        return complement;
    }

    /** The set and everything that differs from a member only in case (the long s is an s, the Kelvin sign a k). */
    static BitSet anyCase(BitSet set) {
        BitSet folded = (BitSet) set.clone();
        set.stream().forEach(codePoint -> {
            BitSet others = SAME_FOLD.get(fold(codePoint));
            if (others != null) {
                folded.or(others);
            }
        });
        return folded;
    }

    private static int fold(int codePoint) {
        return Character.toLowerCase(Character.toUpperCase(codePoint));
    }

    private static Map<Integer, BitSet> sameFold() {
        Map<Integer, BitSet> sets = new HashMap<>();
        for (int codePoint = 0; codePoint < 0x1F000; codePoint++) {
            if (fold(codePoint) != codePoint) {
                sets.computeIfAbsent(fold(codePoint), CodePoints::one).set(codePoint);
            }
        }
        return sets;
    }
}
