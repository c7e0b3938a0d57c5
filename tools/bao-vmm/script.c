// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "script.h"

static void issue(struct script_vcpu *v)
{
	v->remaining--;
	v->vcpu.reg = v->access.op == REMIO_READ ? SCRIPT_POISON : v->value;
	v->issued = v->script->now();
	remio_start_access(v->script->remio, v->device, &v->vcpu, &v->access);
}

static void resume(struct remio_vcpu *vcpu)
{
	/* vcpu is the first member */
	struct script_vcpu *v = (struct script_vcpu *)vcpu;

	times_add(&v->script->times[v->device], v->script->now() - v->issued);
	v->done++;
	v->result = vcpu->reg;
	if (v->remaining)
		issue(v);
}

void script_init(struct script *s, struct remio *remio, uint64_t (*now)(void))
{
	memset(s, 0, sizeof(*s));
	s->remio = remio;
	s->now = now;
	for (int d = 0; d < REMIO_MAX_DEVICES; d++) {
		times_reset(&s->times[d]);
		for (int i = 0; i < REMIO_MAX_VCPUS; i++) {
			struct script_vcpu *v = &s->vcpus[d][i];

			v->script = s;
			v->device = d;
			v->vcpu.resume = resume;
		}
	}
}

void script_start(struct script_vcpu *v)
{
	if (v->vcpu.parked || !v->count)
		return;
	v->done = 0;
	v->remaining = v->count;
	v->result = v->access.op == REMIO_READ ? SCRIPT_POISON : v->value;
	issue(v);
}

void script_stop(struct script_vcpu *v)
{
	v->remaining = 0;
}
