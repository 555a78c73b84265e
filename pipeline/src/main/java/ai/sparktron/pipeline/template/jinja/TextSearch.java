package ai.sparktron.pipeline.template.jinja;

/** {@code find}, {@code rfind}, {@code index}, {@code rindex}, {@code count} of strings: positions in code points. */
final class TextSearch {

    private TextSearch() {
    }

    static Object call(String text, String name, Arguments arguments) {
        Object[] values = arguments.exactly(name, 1, "sub", "start", "end");
        String wanted = Arguments.text(name, values[0]);
        int length = PythonText.length(text);
        long start = bound(values[1], 0, length, name);
        long stop = Math.min(bound(values[2], length, length, name), length);
        if (start > stop) {
            return result(name, -1, wanted);
        }
        String part = PythonText.slice(text, (int) start, 1, (int) (stop - start));
        if (name.equals("count")) {
            return count(part, wanted);
        }
        int at = name.startsWith("r") ? part.lastIndexOf(wanted) : part.indexOf(wanted);
        return result(name, at < 0 ? -1 : start + part.codePointCount(0, at), wanted);
    }

    private static long bound(Object value, long fallback, int length, String name) {
        if (value == Arguments.ABSENT || value == null) {
            return fallback;
        }
        long index = Arguments.integer(name, value);
        return index < 0 ? Math.max(0, index + length) : index;
    }

    private static long count(String text, String wanted) {
        if (wanted.isEmpty()) {
            return PythonText.length(text) + 1L;
        }
        long count = 0;
        for (int at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length())) {
            count++;
        }
        return count;
    }

    private static Object result(String name, long position, String wanted) {
        if (position < 0 && name.endsWith("index")) {
            throw JinjaException.value("substring " + PythonText.repr(wanted) + " not found");
        }
        return name.equals("count") ? 0L : position;
    }
}
