package ai.sparktron.pipeline.tokenize;

import java.util.BitSet;
import java.util.List;

/**
 * A regular expression over UTF-8 with Oniguruma's meaning of classes (Unicode 16) whatever the Java version knows. Backtracking, leftmost, first
 * option wins. Immutable; the state of one search is in {@link Search}. For tokenizers without a hand-written scanner.
 */
final class Regex {
    private static final int NO_MATCH = -1;

    private final Step first;
    private final String expression;
    private int loops;

    Regex(String expression, String where) {
        this.expression = expression;
        first = compile(RegexParser.parse(expression, where), (search, at) -> at);
    }

    /**
     * The end of the match that starts exactly at {@code at}, or -1. The expression sees only {@code text[start, end)}.
     *
     * @throws IllegalStateException when the text nests the expression's groups too deeply
     */
    int matchEnd(byte[] text, int start, int end, int at) {
        try {
            return first.match(new Search(text, start, end, loops), at);
        } catch (StackOverflowError e) {
            throw new IllegalStateException("a text of " + (end - start) + " bytes goes too deep for the expression " + expression
                    + "; split the text", e);
        }
    }

    /** One step with everything after it: the end of the match, or -1. */
    private interface Step {
        int match(Search search, int at);
    }

    /** The text of one search and where each loop stands. */
    private static final class Search {
        private final byte[] text;
        private final int start;
        private final int end;
        private final int[] turns;
        private final int[] turnStart;

        Search(byte[] text, int start, int end, int loops) {
            this.text = text;
            this.start = start;
            this.end = end;
            turns = new int[loops];
            turnStart = new int[loops];
        }

        boolean isAt(BitSet set, int at) {
            return at < end && set.get(Utf8.codePointAt(text, at));
        }

        int after(int at) {
            return at + Utf8.lengthOf(text[at]);
        }
    }

    private Step compile(RegexNode node, Step next) {
        if (node instanceof RegexNode.One one) {
            BitSet set = one.set();
            return (search, at) -> search.isAt(set, at) ? next.match(search, search.after(at)) : NO_MATCH;
        }
        if (node instanceof RegexNode.Sequence sequence) {
            Step step = next;
            for (int i = sequence.parts().size() - 1; i >= 0; i--) {
                step = compile(sequence.parts().get(i), step);
            }
            return step;
        }
        if (node instanceof RegexNode.Choice choice) {
            return choice(choice.options().stream().map(option -> compile(option, next)).toList());
        }
        if (node instanceof RegexNode.Repeat repeat) {
            return repeat.body() instanceof RegexNode.One one ? run(one.set(), repeat, next) : loop(repeat, next);
        }
        if (node instanceof RegexNode.Atomic atomic) {
            return atomic(compile(atomic.body(), (search, at) -> at), next);
        }
        if (node instanceof RegexNode.Look look) {
            return look(look, next);
        }
        RegexNode.Place place = ((RegexNode.Anchor) node).place();
        return (search, at) -> isAt(place, search, at) ? next.match(search, at) : NO_MATCH;
    }

    private static Step choice(List<Step> options) {
        return (search, at) -> {
            for (Step option : options) {
                int end = option.match(search, at);
                if (end >= 0) {
                    return end;
                }
            }
            return NO_MATCH;
        };
    }

    private static Step atomic(Step body, Step next) {
        return (search, at) -> {
            int end = body.match(search, at);
            return end < 0 ? NO_MATCH : next.match(search, end);
        };
    }

    /** A repeated character: no recursion per character. */
    private static Step run(BitSet set, RegexNode.Repeat repeat, Step next) {
        int min = repeat.min();
        int max = repeat.max();
        if (repeat.mode() == RegexNode.Mode.LAZY) {
            return (search, at) -> {
                int place = at;
                for (int count = 0;; count++) {
                    int end = count >= min ? next.match(search, place) : NO_MATCH;
                    if (end >= 0 || count == max || !search.isAt(set, place)) {
                        return end;
                    }
                    place = search.after(place);
                }
            };
        }
        boolean givesBack = repeat.mode() == RegexNode.Mode.GREEDY;
        return (search, at) -> {
            int place = at;
            int count = 0;
            while (count < max && search.isAt(set, place)) {
                place = search.after(place);
                count++;
            }
            while (count >= min) {
                int end = next.match(search, place);
                if (end >= 0 || !givesBack || count == min) {
                    return end;
                }
                place = Utf8.before(search.text, place);
                count--;
            }
            return NO_MATCH;
        };
    }

    private Step loop(RegexNode.Repeat repeat, Step next) {
        if (repeat.mode() == RegexNode.Mode.POSSESSIVE) {
            RegexNode greedy = new RegexNode.Repeat(repeat.body(), repeat.min(), repeat.max(), RegexNode.Mode.GREEDY);
            return atomic(compile(greedy, (search, at) -> at), next);
        }
        Loop loop = new Loop(loops++, repeat, next);
        loop.body = compile(repeat.body(), loop::turn);
        return loop;
    }

    /** A repeated group. A turn that took nothing ends the repetition. */
    private static final class Loop implements Step {
        private final int index;
        private final RegexNode.Repeat repeat;
        private final Step next;
        private Step body;

        Loop(int index, RegexNode.Repeat repeat, Step next) {
            this.index = index;
            this.repeat = repeat;
            this.next = next;
        }

        @Override
        public int match(Search search, int at) {
            int turns = search.turns[index];
            int turnStart = search.turnStart[index];
            search.turns[index] = 0;
            search.turnStart[index] = NO_MATCH;
            int end = turn(search, at);
            search.turns[index] = turns;
            search.turnStart[index] = turnStart;
            return end;
        }

        int turn(Search search, int at) {
            int turns = search.turns[index];
            int turnStart = search.turnStart[index];
            boolean mayEnd = turns >= repeat.min();
            boolean mayTurn = turns < repeat.max() && (!mayEnd || at != turnStart);
            boolean isLazy = repeat.mode() == RegexNode.Mode.LAZY;
            int end = isLazy && mayEnd ? next.match(search, at) : NO_MATCH;
            if (end < 0 && mayTurn) {
                search.turns[index] = turns + 1;
                search.turnStart[index] = at;
                end = body.match(search, at);
                search.turns[index] = turns;
                search.turnStart[index] = turnStart;
            }
            return end < 0 && !isLazy && mayEnd ? next.match(search, at) : end;
        }
    }

    private Step look(RegexNode.Look look, Step next) {
        Step body = compile(look.body(), (search, at) -> at);
        int width = look.isAhead() ? 0 : RegexNode.width(look.body());
        return (search, at) -> {
            int from = at;
            for (int i = 0; i < width && from >= 0; i++) {
                from = from > search.start ? Utf8.before(search.text, from) : NO_MATCH;
            }
            int end = from < 0 ? NO_MATCH : body.match(search, from);
            boolean isFound = end >= 0 && (look.isAhead() || end == at);
            return isFound != look.isNegative() ? next.match(search, at) : NO_MATCH;
        };
    }

    private static boolean isAt(RegexNode.Place place, Search search, int at) {
        return switch (place) {
            case START -> at == search.start;
            case END -> at == search.end;
            case LINE_START -> at == search.start || search.text[at - 1] == '\n' && at < search.end;
            case LINE_END -> at == search.end || search.text[at] == '\n';
            case BEFORE_LAST_NEWLINE -> at == search.end || at == search.end - 1 && search.text[at] == '\n';
            case WORD_BORDER -> isWordBorder(search, at);
            case NO_WORD_BORDER -> !isWordBorder(search, at);
        };
    }

    private static boolean isWordBorder(Search search, int at) {
        boolean before = at > search.start && CodePoints.isWord(Utf8.codePointAt(search.text, Utf8.before(search.text, at)));
        boolean after = at < search.end && CodePoints.isWord(Utf8.codePointAt(search.text, at));
        return before != after;
    }
}
