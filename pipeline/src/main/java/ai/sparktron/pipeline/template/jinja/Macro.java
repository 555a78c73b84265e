package ai.sparktron.pipeline.template.jinja;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A macro, or the body of a {@code call} block, bound to the scope it was defined in.
 *
 * @param name           null for a call block's body
 * @param takesVarargs   whether the body mentions {@code varargs}
 * @param takesKeywords  whether the body mentions {@code kwargs}
 * @param takesCaller    whether the body mentions {@code caller}
 */
record Macro(String name, List<Parameter> parameters, boolean takesVarargs, boolean takesKeywords, boolean takesCaller, Stmt body,
             Scope definition) implements Callable {

    /** @param fallback null = no default */
    record Parameter(String name, Expr fallback) {
    }

    @Override
    public Object call(Arguments arguments) {
        Scope scope = definition.inner();
        Map<String, Object> keywords = new LinkedHashMap<>(arguments.keywords());
        List<Object> positional = arguments.positional();
        for (int i = 0; i < parameters.size(); i++) {
            String parameter = parameters.get(i).name();
            if (i < positional.size()) {
                scope.set(parameter, positional.get(i));
            } else if (keywords.containsKey(parameter)) {
                scope.set(parameter, keywords.remove(parameter));
            } else if (parameters.get(i).fallback() != null) {
                scope.set(parameter, parameters.get(i).fallback().eval(scope));
            } else {
                scope.set(parameter, new Undefined("parameter '" + parameter + "' was not provided"));
            }
        }
        takeRest(scope, positional, keywords);
        Rendering rendering = scope.rendering();
        Sink sink = new Sink(rendering, false);
        rendering.enter();
        try {
            body.run(scope, sink);
        } finally {
            rendering.leave();
        }
        return sink.text();
    }

    private void takeRest(Scope scope, List<Object> positional, Map<String, Object> keywords) {
        if (takesCaller) {
            Object caller = keywords.remove("caller");
            scope.set("caller", caller == null ? new Undefined("No caller defined") : caller);
        }
        if (takesKeywords) {
            scope.set("kwargs", keywords);
        } else if (!keywords.isEmpty()) {
            throw JinjaException.type("macro '" + name + "' takes no keyword argument '" + keywords.keySet().iterator().next() + "'");
        }
        if (takesVarargs) {
            scope.set("varargs", new PythonTuple(positional.subList(Math.min(parameters.size(), positional.size()), positional.size())));
        } else if (positional.size() > parameters.size()) {
            throw JinjaException.type("macro '" + name + "' takes not more than " + parameters.size() + " argument(s) but got "
                    + positional.size());
        }
    }

    @Override
    public String toString() {
        return "<Macro " + (name == null ? "anonymous" : PythonText.repr(name)) + ">";
    }
}
