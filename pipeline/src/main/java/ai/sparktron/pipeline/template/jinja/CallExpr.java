package ai.sparktron.pipeline.template.jinja;

import java.util.List;

/** A call. */
record CallExpr(Expr function, List<Argument> arguments, int line) implements Expr {

    /** One argument as written, which may become several values. */
    @FunctionalInterface
    interface Argument {
        void evaluate(Scope scope, Arguments.Builder into);
    }

    static Arguments evaluate(List<Argument> arguments, Scope scope) {
        if (arguments.isEmpty()) {
            return Arguments.NONE;
        }
        Arguments.Builder builder = new Arguments.Builder();
        arguments.forEach(argument -> argument.evaluate(scope, builder));
        return builder.build();
    }

    @Override
    public Object eval(Scope scope) {
        return eval(scope, null);
    }

    /** @param caller the body of a call block, or null */
    Object eval(Scope scope, Macro caller) {
        try {
            Object callable = function.eval(scope);
            Arguments.Builder builder = new Arguments.Builder();
            arguments.forEach(argument -> argument.evaluate(scope, builder));
            if (caller != null) {
                builder.add("caller", caller);
            }
            if (callable instanceof Undefined undefined) {
                throw undefined.used();
            }
            if (!(callable instanceof Callable target)) {
                throw JinjaException.type("'" + PythonValues.typeName(callable) + "' object is not callable");
            }
            return target.call(builder.build());
        } catch (JinjaException e) {
            throw e.at(line);
        }
    }
}
