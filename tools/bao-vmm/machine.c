// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <sys/mman.h>

#include "machine.h"
#include "map.h"

#define NSEC_PER_SEC	1000000000ull

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

void machine_sign_of_life(struct machine *m)
{
	atomic_store(&m->last_sign, now());
}

static void interrupt_backend(void *ctx, unsigned int device)
{
	struct machine *m = ctx;

	machine_sign_of_life(m);
	vm_pulse_interrupt(&m->vms[VM_BACKEND], MAP_BACKEND_IRQ + device);
}

static void interrupt_frontend(void *ctx, unsigned int device)
{
	struct machine *m = ctx;

	/* a scripted frontend is content with the counter */
	if (m->nr_vms > VM_FRONTEND)
		vm_pulse_interrupt(&m->vms[VM_FRONTEND], MAP_FRONTEND_IRQ + device);
}

static const struct remio_ops remio_ops = {
	.interrupt_backend = interrupt_backend,
	.interrupt_frontend = interrupt_frontend,
};

static void interrupt_ipc(void *ctx, unsigned int vm, unsigned int object, unsigned int event)
{
	struct machine *m = ctx;

	/* The others have memory only */
	if (object < 2)
		vm_pulse_interrupt(&m->vms[vm], MAP_IPC_IRQ + object + 2 * event);
}

static void end(struct machine *m, int status)
{
	m->ended = true;
	m->status = status;
	pthread_cond_signal(&m->changed);
}

static void port_exit(void *ctx, int status)
{
	end(ctx, status);
}

static void map_shared(struct machine *m, uint64_t addr, uint64_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED)
		die("shared memory");
	for (unsigned int i = 0; i < m->nr_vms; i++)
		vm_map(&m->vms[i], addr, size, mem);
}

void machine_create(struct machine *m, const struct options *o)
{
	pthread_condattr_t attr;
	int kvm = kvm_open();

	memset(m, 0, sizeof(*m));
	pthread_mutex_init(&m->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&m->changed, &attr);

	m->rubbish = o->rubbish;
	m->nr_vms = o->frontend.present ? 2 : 1;
	m->nr_running = m->nr_vms;
	remio_init(&m->hv.remio, o->devices, &remio_ops, m);
	script_init(&m->script, &m->hv.remio, now);
	m->hv.ipc = (struct ipc) {
		.nr_objects = o->ipc,
		.nr_vms = m->nr_vms,
		.interrupt = interrupt_ipc,
		.ctx = m,
	};
	m->port = (struct testport) {
		.hv = &m->hv,
		.vm = VM_BACKEND,
		.script = &m->script,
		.frontend = o->frontend.present ? FRONTEND_RUNS : FRONTEND_NONE,
		.exit = port_exit,
		.ctx = m,
	};

	vm_create(&m->vms[VM_BACKEND], m, VM_BACKEND, kvm, &o->backend);
	if (o->frontend.present)
		vm_create(&m->vms[VM_FRONTEND], m, VM_FRONTEND, kvm, &o->frontend);
	for (unsigned int i = 0; i < o->devices; i++)
		map_shared(m, MAP_WINDOW + i * MAP_WINDOW_SIZE, MAP_WINDOW_SIZE);
	for (unsigned int i = 0; i < o->ipc; i++)
		map_shared(m, MAP_IPC + i * MAP_IPC_SIZE, MAP_IPC_SIZE);
}

unsigned int machine_hypercall(struct machine *m, unsigned int vm, enum hypercall_abi abi,
			       uint64_t reg[HYPERCALL_REGS])
{
	unsigned int mask;

	pthread_mutex_lock(&m->lock);
	mask = hypercall(&m->hv, vm, abi, reg);
	pthread_mutex_unlock(&m->lock);
	return mask;
}

void machine_access(struct machine *m, struct vcpu *vcpu, unsigned int device,
		    const struct remio_access *access)
{
	pthread_mutex_lock(&m->lock);
	remio_start_access(&m->hv.remio, device, &vcpu->remio, access);
	while (vcpu->remio.parked)
		pthread_cond_wait(&vcpu->answered, &m->lock);
	pthread_mutex_unlock(&m->lock);
}

uint32_t machine_port_read(struct machine *m, uint32_t offset)
{
	uint32_t value;

	pthread_mutex_lock(&m->lock);
	value = testport_read(&m->port, offset);
	pthread_mutex_unlock(&m->lock);
	return value;
}

void machine_port_write(struct machine *m, uint32_t offset, uint32_t value)
{
	pthread_mutex_lock(&m->lock);
	testport_write(&m->port, offset, value);
	pthread_mutex_unlock(&m->lock);
}

void machine_vm_off(struct machine *m, unsigned int vm)
{
	pthread_mutex_lock(&m->lock);
	if (vm == VM_FRONTEND)
		m->port.frontend = FRONTEND_OFF;
	if (!--m->nr_running)
		end(m, 0);
	pthread_mutex_unlock(&m->lock);
}

void machine_fail(struct machine *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	pthread_mutex_lock(&m->lock);
	if (!m->ended) {
		printf("bao-vmm: ");
		vprintf(fmt, ap);
		printf("\n");
		end(m, STATUS_FAILED);
	}
	pthread_mutex_unlock(&m->lock);
	va_end(ap);
}

bool machine_ended(struct machine *m)
{
	bool ended;

	pthread_mutex_lock(&m->lock);
	ended = m->ended;
	pthread_mutex_unlock(&m->lock);
	return ended;
}

static void print_watchdog(const struct machine *m, unsigned int seconds)
{
	printf("bao-vmm: watchdog: no line and no access for %u s: ", seconds);
	remio_print_requests(&m->hv.remio, stdout);
	for (unsigned int i = 0; i < m->hv.remio.nr_devices; i++) {
		printf("; ");
		remio_print_counters(&m->hv.remio, i, stdout);
	}
	printf("\n");
}

/* Called with the lock held; returns when it is over */
static void supervise(struct machine *m, unsigned int watchdog)
{
	while (!m->ended) {
		uint64_t deadline = atomic_load(&m->last_sign) + watchdog * NSEC_PER_SEC;
		struct timespec t = {
			.tv_sec = deadline / NSEC_PER_SEC,
			.tv_nsec = deadline % NSEC_PER_SEC,
		};

		if (!watchdog) {
			pthread_cond_wait(&m->changed, &m->lock);
		} else if (now() < deadline) {
			pthread_cond_timedwait(&m->changed, &m->lock, &t);
		} else {
			print_watchdog(m, watchdog);
			end(m, STATUS_WATCHDOG);
		}
	}
}

int machine_run(struct machine *m, unsigned int watchdog)
{
	machine_sign_of_life(m);
	for (unsigned int i = 0; i < m->nr_vms; i++)
		vm_start(&m->vms[i]);

	/* The lock is kept: nothing moves any more while the counters are printed. */
	pthread_mutex_lock(&m->lock);
	supervise(m, watchdog);
	for (unsigned int i = 0; i < m->nr_vms; i++) {
		pthread_mutex_lock(&m->vms[i].uart_lock);
		uart_flush(&m->vms[i].uart);
		pthread_mutex_unlock(&m->vms[i].uart_lock);
	}
	for (unsigned int i = 0; i < m->hv.remio.nr_devices; i++) {
		printf("bao-vmm: ");
		remio_print_counters(&m->hv.remio, i, stdout);
		printf("\n");
	}
	fflush(stdout);
	return m->status;
}
