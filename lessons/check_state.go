package lessons

func stateKind() *checkKind {
	return &checkKind{
		name:   "state",
		fields: func() checkFields { return &stateFields{} },
		scope:  objectScope(),
		doc: kindDoc{
			title: "the cluster is like this now",
			text: "Follows the cluster until the step is met. Write either `expr`, or `spec` and `status` together. Use the pair wherever the " +
				"cluster needs time: \"wait\" and \"that is wrong\" are different messages.",
			example: `
- id: three-ready
  kind: state
  resource: deployments
  name: go-api
  spec: object.spec.replicas == 3
  status: object.status.readyReplicas == 3
`,
			fields: append(objectDocs(),
				fieldDoc{"expr", "condition on the present state"},
				fieldDoc{"spec", "condition on what the learner must have asked for"},
				fieldDoc{"status", "condition on what the cluster must then reach"},
			),
			verdicts: []verdictDoc{
				{Met, "`expr` holds, or `spec` and `status` hold"},
				{Converging, "`spec` holds and `status` does not hold yet"},
				{Unmet, "the object does not exist, or `expr` or `spec` does not hold"},
			},
		},
	}
}

type stateFields struct {
	objectFields
	Expr   Expr `yaml:"expr"`
	Spec   Expr `yaml:"spec"`
	Status Expr `yaml:"status"`
}

func (f *stateFields) load(l *checkLoader) {
	f.loadObject(l)
	if f.Expr.IsZero() == (f.Spec.IsZero() && f.Status.IsZero()) {
		l.problems.add(l.check.at, "check %q needs either expr, or spec and status", l.check.ID)
	} else if f.Expr.IsZero() && (f.Spec.IsZero() || f.Status.IsZero()) {
		l.problems.add(l.check.at, "check %q needs spec and status together", l.check.ID)
	}
	l.condition(&f.Spec)
	l.condition(&f.Status)
	l.condition(&f.Expr)
}

func (f *stateFields) checker(*Check) checker { return &stateCheck{stateFields: f} }

// stateCheck looks at the present.
type stateCheck struct {
	noMemory
	*stateFields
}

func (s *stateCheck) judge(e *Engine) Verdict {
	vars, missing := s.vars(e)
	switch {
	case missing:
		return Unmet
	case !s.Expr.IsZero():
		if s.Expr.program.holds(e.act, vars) {
			return Met
		}
		return Unmet
	case !s.Spec.program.holds(e.act, vars):
		return Unmet
	case !s.Status.program.holds(e.act, vars):
		return Converging
	}
	return Met
}

func (s *stateCheck) why(e *Engine) []string {
	p := s.Expr.program
	if p == nil {
		p = s.Spec.program
		if vars, _ := s.vars(e); p.holds(e.act, vars) {
			p = s.Status.program
		}
	}
	return s.whyNot(e, p)
}
