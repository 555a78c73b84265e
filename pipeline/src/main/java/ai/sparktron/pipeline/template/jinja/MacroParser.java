package ai.sparktron.pipeline.template.jinja;

import ai.sparktron.pipeline.template.jinja.Stmt.Flow;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** {@code macro} definitions and {@code call} blocks. */
final class MacroParser {

    private final TokenStream stream;
    private final ExpressionParser expressions;
    private final StatementParser statements;

    MacroParser(TokenStream stream, ExpressionParser expressions, StatementParser statements) {
        this.stream = stream;
        this.expressions = expressions;
        this.statements = statements;
    }

    private record Definition(List<Macro.Parameter> parameters, Set<String> mentioned, Stmt body) {
        Macro bind(String name, Scope scope) {
            return new Macro(name, parameters, mentioned.contains("varargs"), mentioned.contains("kwargs"), mentioned.contains("caller"), body,
                    scope);
        }
    }

    Stmt macro() {
        String name = stream.expectName();
        Definition definition = definition("endmacro");
        return (scope, sink) -> {
            scope.set(name, definition.bind(name, scope));
            return Flow.NEXT;
        };
    }

    Stmt call() {
        stream.openMacro();
        List<Macro.Parameter> parameters = stream.current().isOperator("(") ? parameters() : List.of();
        Set<String> ofDefaults = stream.closeMacro();
        if (!(expressions.expression() instanceof CallExpr call)) {
            throw stream.error("expected a call in '{% call %}'");
        }
        stream.openMacro();
        Stmt body = statements.blockBody("endcall", true);
        Set<String> mentioned = stream.closeMacro();
        mentioned.addAll(ofDefaults);
        Definition definition = new Definition(parameters, mentioned, body);
        return (scope, sink) -> {
            sink.write(PythonValues.str(call.eval(scope, definition.bind(null, scope))));
            return Flow.NEXT;
        };
    }

    private Definition definition(String end) {
        stream.openMacro();
        List<Macro.Parameter> parameters = parameters();
        Stmt body = statements.blockBody(end, true);
        return new Definition(parameters, stream.closeMacro(), body);
    }

    private List<Macro.Parameter> parameters() {
        List<Macro.Parameter> parameters = new ArrayList<>();
        stream.expectOperator("(");
        while (!stream.current().isOperator(")")) {
            if (!parameters.isEmpty()) {
                stream.expectOperator(",");
            }
            String name = stream.expectName();
            boolean hasDefault = stream.skipOperator("=");
            if (!hasDefault && !parameters.isEmpty() && parameters.get(parameters.size() - 1).fallback() != null) {
                throw stream.error("parameter '" + name + "' without a default follows one with a default");
            }
            parameters.add(new Macro.Parameter(name, hasDefault ? expressions.expression() : null));
        }
        stream.expectOperator(")");
        return parameters;
    }
}
