package ai.sparktron.pipeline.template.jinja;

import ai.sparktron.pipeline.template.jinja.JinjaException.Kind;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Functions that every template sees, as transformers sets them up. */
final class Globals {

    private Globals() {
    }

    static Map<String, Object> of(Rendering rendering) {
        return Map.of(
                "range", (Callable) Globals::range,
                "dict", (Callable) Globals::dict,
                "namespace", (Callable) Globals::namespace,
                "cycler", (Callable) Globals::cycler,
                "joiner", (Callable) Globals::joiner,
                "raise_exception", (Callable) Globals::raise,
                "strftime_now", (Callable) arguments -> Strftime.format(rendering.now(),
                        Arguments.text("strftime_now", arguments.bind("strftime_now", "format")[0])),
                "lipsum", (Callable) arguments -> {
                    throw new JinjaException(Kind.UNSUPPORTED, "lipsum gives random text, which chat templates may not have");
                });
    }

    private static Object range(Arguments arguments) {
        Object[] values = arguments.exactly("range", 1, "start", "stop", "step");
        long first = Arguments.integer("range", values[0]);
        if (values[1] == Arguments.ABSENT) {
            return new PythonRange(0, first, 1);
        }
        return new PythonRange(first, Arguments.integer("range", values[1]),
                values[2] == Arguments.ABSENT ? 1 : Arguments.integer("range", values[2]));
    }

    private static Map<Object, Object> dict(Arguments arguments) {
        Map<Object, Object> result = new LinkedHashMap<>();
        if (arguments.positional().size() > 1) {
            throw JinjaException.type("dict expected at most 1 argument, got " + arguments.positional().size());
        }
        for (Object source : arguments.positional()) {
            if (source instanceof Map<?, ?> map) {
                result.putAll(map);
            } else {
                for (Object pair : PythonValues.list(source)) {
                    List<Object> items = PythonValues.list(pair);
                    if (items.size() != 2) {
                        throw JinjaException.value("dict() wants pairs but got an item of length " + items.size());
                    }
                    result.put(items.get(0), items.get(1));
                }
            }
        }
        result.putAll(arguments.keywords());
        return result;
    }

    private static Object namespace(Arguments arguments) {
        Namespace namespace = new Namespace();
        dict(arguments).forEach((key, value) -> namespace.attributes().put(PythonValues.str(key), value));
        return namespace;
    }

    private static Object raise(Arguments arguments) {
        throw new JinjaException(Kind.RAISED, PythonValues.str(arguments.bind("raise_exception", "message")[0]));
    }

    private static Object cycler(Arguments arguments) {
        List<Object> items = arguments.positional();
        if (items.isEmpty()) {
            throw JinjaException.value("at least one item has to be provided");
        }
        int[] position = {0};
        Namespace cycler = new Namespace();
        cycler.attributes().put("current", items.get(0));
        cycler.attributes().put("next", (Callable) none -> {
            Object current = items.get(position[0]);
            position[0] = (position[0] + 1) % items.size();
            cycler.attributes().put("current", items.get(position[0]));
            return current;
        });
        cycler.attributes().put("reset", (Callable) none -> {
            position[0] = 0;
            cycler.attributes().put("current", items.get(0));
            return null;
        });
        return cycler;
    }

    private static Object joiner(Arguments arguments) {
        Object separator = Arguments.or(arguments.bind("joiner", "sep")[0], ", ");
        boolean[] used = {false};
        return (Callable) none -> {
            boolean first = !used[0];
            used[0] = true;
            return first ? "" : separator;
        };
    }
}
