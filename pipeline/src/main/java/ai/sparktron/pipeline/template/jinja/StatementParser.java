package ai.sparktron.pipeline.template.jinja;

import ai.sparktron.pipeline.template.jinja.Stmt.Flow;
import ai.sparktron.pipeline.template.jinja.Token.Type;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Statements: everything in {@code {% %}}, and the text and expressions between them. */
final class StatementParser {

    private static final Set<String> REFUSED = Set.of("include", "import", "from", "extends", "block", "autoescape", "trans", "do", "debug",
            "pluralize");

    /** Where a captured block waits for its filters; a name that no template can spell. */
    private static final String CAPTURED = "{captured}";

    private final TokenStream stream;
    private final ExpressionParser expressions;
    private final MacroParser macros;
    private int loops;

    StatementParser(TokenStream stream) {
        this.stream = stream;
        this.expressions = new ExpressionParser(stream);
        this.macros = new MacroParser(stream, expressions, this);
    }

    Stmt template() {
        Stmt body = body(Set.of());
        if (stream.current().type() != Type.END) {
            throw stream.error("unexpected " + stream.current().describe());
        }
        return body;
    }

    /** Statements up to a block tag whose name is among {@code ends}; the stream then stands on that name. */
    private Stmt body(Set<String> ends) {
        List<Stmt> statements = new ArrayList<>();
        while (true) {
            Token token = stream.current();
            switch (token.type()) {
                case DATA -> {
                    String text = stream.next().text();
                    statements.add((scope, sink) -> {
                        sink.write(text);
                        return Flow.NEXT;
                    });
                }
                case VARIABLE_BEGIN -> statements.add(Stmt.located(token.line(), output()));
                case BLOCK_BEGIN -> {
                    stream.next();
                    if (stream.current().type() == Type.NAME && ends.contains(stream.current().text())) {
                        return Stmt.sequence(statements);
                    }
                    statements.add(Stmt.located(token.line(), statement()));
                }
                default -> {
                    if (!ends.isEmpty()) {
                        throw stream.error("unexpected " + token.describe() + ": expected one of " + ends + " before it");
                    }
                    return Stmt.sequence(statements);
                }
            }
        }
    }

    /** The body of a block, with its end tag; {@code break} cannot leave it where it is compiled on its own. */
    Stmt blockBody(String end, boolean ownLoops) {
        int outer = loops;
        loops = ownLoops ? 0 : loops;
        blockEnd();
        Stmt body = body(Set.of(end));
        stream.next();
        blockEnd();
        loops = outer;
        return body;
    }

    private void blockEnd() {
        stream.expect(Type.BLOCK_END, "'%}'");
    }

    private Stmt output() {
        stream.next();
        Expr value = expressions.tuple(true, false, Set.of());
        stream.expect(Type.VARIABLE_END, "'}}'");
        return (scope, sink) -> {
            sink.write(PythonValues.str(value.eval(scope)));
            return Flow.NEXT;
        };
    }

    private Stmt statement() {
        String name = stream.expectName();
        switch (name) {
            case "if":
                return ifStatement();
            case "for":
                return forStatement();
            case "set":
                return set();
            case "with":
                return with();
            case "macro":
                return macros.macro();
            case "call":
                return macros.call();
            case "filter":
                return filterBlock();
            case "generation":
                return generation();
            case "break", "continue":
                if (loops == 0) {
                    throw stream.error("'" + name + "' outside of a loop");
                }
                blockEnd();
                Flow flow = name.equals("break") ? Flow.BREAK : Flow.CONTINUE;
                return (scope, sink) -> flow;
            case "print":
                return print();
            default:
                if (REFUSED.contains(name)) {
                    throw stream.unsupported("'{% " + name + " %}' is not supported in chat templates");
                }
                throw stream.error("unknown tag '" + name + "'");
        }
    }

    private Stmt print() {
        List<Expr> values = new ArrayList<>();
        while (stream.current().type() != Type.BLOCK_END) {
            if (!values.isEmpty()) {
                stream.expectOperator(",");
            }
            values.add(expressions.expression());
        }
        blockEnd();
        return (scope, sink) -> {
            values.forEach(value -> sink.write(PythonValues.str(value.eval(scope))));
            return Flow.NEXT;
        };
    }

    private Stmt ifStatement() {
        List<Expr> tests = new ArrayList<>();
        List<Stmt> bodies = new ArrayList<>();
        String tag;
        do {
            tests.add(expressions.tuple(false, false, Set.of()));
            blockEnd();
            bodies.add(body(Set.of("elif", "else", "endif")));
            tag = stream.next().text();
        } while (tag.equals("elif"));
        Stmt otherwise = null;
        if (tag.equals("else")) {
            blockEnd();
            otherwise = body(Set.of("endif"));
            stream.next();
        }
        blockEnd();
        Stmt last = otherwise;
        return (scope, sink) -> {
            for (int i = 0; i < tests.size(); i++) {
                if (PythonValues.truth(tests.get(i).eval(scope))) {
                    return bodies.get(i).run(scope, sink);
                }
            }
            return last == null ? Flow.NEXT : last.run(scope, sink);
        };
    }

    private Stmt forStatement() {
        Target target = target(false);
        stream.expectName("in");
        Expr items = expressions.tuple(false, false, Set.of("recursive"));
        Expr test = stream.skipName("if") ? expressions.expression() : null;
        boolean recursive = stream.skipName("recursive");
        blockEnd();
        loops++;
        Stmt body = body(Set.of("endfor", "else"));
        loops--;
        Stmt otherwise = null;
        if (stream.next().isName("else")) {
            blockEnd();
            otherwise = body(Set.of("endfor"));
            stream.next();
        }
        blockEnd();
        return new ForLoop(target, items, test, recursive, body, otherwise);
    }

    /** One name, or several with commas between them, perhaps in parentheses; attributes of namespaces where allowed. */
    Target target(boolean withAttributes) {
        List<Target> targets = new ArrayList<>();
        boolean tuple = false;
        while (true) {
            targets.add(oneTarget(withAttributes));
            if (!stream.skipOperator(",")) {
                break;
            }
            tuple = true;
            if (stream.current().isName("in") || stream.current().isOperator("=") || stream.current().isOperator(")")) {
                break;
            }
        }
        return tuple ? Target.tuple(targets) : targets.get(0);
    }

    private Target oneTarget(boolean withAttributes) {
        if (stream.skipOperator("(")) {
            Target inner = target(withAttributes);
            stream.expectOperator(")");
            return inner;
        }
        String name = stream.expectName();
        if (Set.of("true", "false", "none", "True", "False", "None").contains(name)) {
            throw stream.error("can't assign to '" + name + "'");
        }
        if (withAttributes && stream.skipOperator(".")) {
            stream.mention(name);
            return Target.attribute(name, stream.expectName());
        }
        return Target.name(name);
    }

    private Stmt set() {
        Target target = target(true);
        if (stream.skipOperator("=")) {
            Expr value = expressions.tuple(true, false, Set.of());
            blockEnd();
            return (scope, sink) -> {
                target.assign(scope, value.eval(scope));
                return Flow.NEXT;
            };
        }
        Expr filtered = null;
        while (stream.skipOperator("|")) {
            filtered = expressions.postfix().filter(filtered == null ? scope -> scope.get(CAPTURED) : filtered);
        }
        Expr value = filtered;
        Stmt body = blockBody("endset", true);
        return (scope, sink) -> {
            Scope inner = scope.inner();
            inner.set(CAPTURED, capture(body, inner));
            target.assign(scope, value == null ? inner.get(CAPTURED) : value.eval(inner));
            return Flow.NEXT;
        };
    }

    private static String capture(Stmt body, Scope scope) {
        Sink sink = new Sink(scope.rendering(), false);
        body.run(scope, sink);
        return sink.text();
    }

    private Stmt filterBlock() {
        Expr filtered = expressions.postfix().filter(scope -> scope.get(CAPTURED));
        while (stream.skipOperator("|")) {
            filtered = expressions.postfix().filter(filtered);
        }
        Stmt body = blockBody("endfilter", true);
        Expr value = filtered;
        return (scope, sink) -> {
            Scope inner = scope.inner();
            inner.set(CAPTURED, capture(body, inner));
            sink.write(PythonValues.str(value.eval(inner)));
            return Flow.NEXT;
        };
    }

    private Stmt with() {
        List<Target> targets = new ArrayList<>();
        List<Expr> values = new ArrayList<>();
        while (stream.current().type() != Type.BLOCK_END) {
            if (!targets.isEmpty()) {
                stream.expectOperator(",");
            }
            targets.add(oneTarget(false));
            stream.expectOperator("=");
            values.add(expressions.expression());
        }
        Stmt body = blockBody("endwith", false);
        return (scope, sink) -> {
            Object[] evaluated = values.stream().map(value -> value.eval(scope)).toArray();
            Scope inner = scope.inner();
            for (int i = 0; i < evaluated.length; i++) {
                targets.get(i).assign(inner, evaluated[i]);
            }
            return body.run(inner, sink);
        };
    }

    private Stmt generation() {
        Stmt body = blockBody("endgeneration", true);
        return (scope, sink) -> {
            int start = sink.length();
            body.run(scope.inner(), sink);
            if (sink.isRoot()) {
                scope.rendering().generated().add(new Rendered.Span(start, sink.length()));
            } else {
                scope.rendering().generatedOutOfPlace();
            }
            return Flow.NEXT;
        };
    }
}
