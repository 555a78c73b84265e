package ai.sparktron.pipeline.template.jinja;

import java.util.List;

/** The {@code loop} variable. */
final class LoopState implements Callable {

    private final List<Object> items;
    private final int depth;
    private final Recursion recursion;
    private int index = -1;
    private List<Object> lastChanged;

    /** Renders a recursive loop's body over other items. */
    interface Recursion {
        String render(Object items, int depth);
    }

    /** @param recursion null where the loop is not marked {@code recursive} */
    LoopState(List<Object> items, int depth, Recursion recursion) {
        this.items = items;
        this.depth = depth;
        this.recursion = recursion;
    }

    void advance() {
        index++;
    }

    long length() {
        return items.size();
    }

    @Override
    public Object call(Arguments arguments) {
        if (recursion == null) {
            throw JinjaException.type("loop(...) needs a loop that is marked 'recursive'");
        }
        return recursion.render(arguments.exactly("loop", 1, "iterable")[0], depth + 1);
    }

    Object attribute(String name) {
        return switch (name) {
            case "index" -> (long) index + 1;
            case "index0" -> (long) index;
            case "revindex" -> (long) items.size() - index;
            case "revindex0" -> (long) items.size() - index - 1;
            case "first" -> index == 0;
            case "last" -> index == items.size() - 1;
            case "length" -> (long) items.size();
            case "depth" -> (long) depth + 1;
            case "depth0" -> (long) depth;
            case "previtem" -> index > 0 ? items.get(index - 1) : new Undefined("there is no previous item");
            case "nextitem" -> index < items.size() - 1 ? items.get(index + 1) : new Undefined("there is no next item");
            case "cycle" -> (Callable) this::cycle;
            case "changed" -> (Callable) this::changed;
            default -> Arguments.ABSENT;
        };
    }

    private Object cycle(Arguments arguments) {
        if (arguments.positional().isEmpty()) {
            throw JinjaException.type("no items for cycling given");
        }
        return arguments.positional().get(index % arguments.positional().size());
    }

    private Object changed(Arguments arguments) {
        boolean changed = lastChanged == null || !PythonValues.equal(lastChanged, arguments.positional());
        lastChanged = arguments.positional();
        return changed;
    }

    @Override
    public String toString() {
        return "<LoopContext " + (index + 1) + "/" + items.size() + ">";
    }
}
