import{$ as lo,A as p,Ab as rt,Ba as Ro,Bb as _o,Ca as Po,E as ao,Ea as ht,F as po,Fa as xo,G as mo,M as ft,Ma as M,N as co,Na as Y,Oa as U,P as bt,Ra as gt,U as u,Ub as wn,V as Z,Vb as wo,X as w,Xa as Co,Y as h,Ya as ot,Z as l,Zb as To,a as j,b as eo,ba as uo,bc as X,cc as So,ea as fo,ec as Mo,g as no,ga as V,h as nt,ha as O,hb as yt,i as oo,ia as bo,ib as vt,jb as L,ka as _n,kc as Eo,la as T,m as ro,nc as $o,oa as S,oc as Do,pa as ho,pb as Ht,pc as Ao,q as c,qb as Q,r as s,rc as m,s as io,sc as jo,ta as B,tc as P,ua as go,v as so,va as yo,wa as vo,xa as Ho,xc as Oo}from"./chunk-XPJDGHOK.js";var v=class r{rootUrl="";static \u0275fac=function(t){return new(t||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})};var x=class r{constructor(e,t){this.config=e;this.http=t}config;http;_rootUrl;get rootUrl(){return this._rootUrl||this.config.rootUrl}set rootUrl(e){this._rootUrl=e}static \u0275fac=function(t){return new(t||r)(h(v),h(P))};static \u0275prov=u({token:r,factory:r.\u0275fac})};var Tn=class{encodeKey(e){return encodeURIComponent(e)}encodeValue(e){return encodeURIComponent(e)}decodeKey(e){return decodeURIComponent(e)}decodeValue(e){return decodeURIComponent(e)}},yr=new Tn,it=class{constructor(e,t,n,o,i){this.name=e;this.value=t;this.options=n;this.options=n||{},(this.options.style===null||this.options.style===void 0)&&(this.options.style=o),(this.options.explode===null||this.options.explode===void 0)&&(this.options.explode=i)}name;value;options;serializeValue(e,t=","){if(e==null)return"";if(e instanceof Array)return e.map(n=>this.serializeValue(n).split(t).join(encodeURIComponent(t))).join(t);if(typeof e=="object"){let n=[];for(let o of Object.keys(e)){let i=e[o];i!=null&&(i=this.serializeValue(i).split(t).join(encodeURIComponent(t)),this.options.explode?n.push(`${o}=${i}`):(n.push(o),n.push(i)))}return n.join(t)}else return String(e)}},Sn=class extends it{constructor(e,t,n){super(e,t,n,"simple",!1)}append(e){let t=this.value;t==null&&(t="");let n=this.options.style==="label"?".":"",o=this.options.explode?n===""?",":n:",",i=!1;return this.options.style==="matrix"&&(n=`;${this.name}=`,this.options.explode&&typeof t=="object"&&(n=";",t instanceof Array?(t=t.map(d=>`${this.name}=${this.serializeValue(d,";")}`),t=t.join(";"),i=!0):(t=this.serializeValue(t,";"),i=!0))),t=n+(i?t:this.serializeValue(t,o)),e=e.replace(`{${this.name}}`,t),e=e.replace(`{${n}${this.name}${this.options.explode?"*":""}}`,t),e}serializeValue(e,t=","){var n=typeof e=="string"?encodeURIComponent(e):super.serializeValue(e,t);return n=n.replace(/%3D/g,"="),n=n.replace(/%3B/g,";"),n=n.replace(/%2C/g,","),n}},Mn=class extends it{constructor(e,t,n){super(e,t,n,"form",!0)}append(e){if(this.value instanceof Array)if(this.options.explode)for(let t of this.value)e=e.append(this.name,this.serializeValue(t));else{let t=this.options.style==="spaceDelimited"?" ":this.options.style==="pipeDelimited"?"|":",";return e.append(this.name,this.serializeValue(this.value,t))}else if(this.value!==null&&typeof this.value=="object")if(this.options.style==="deepObject")for(let t of Object.keys(this.value)){let n=this.value[t];n!=null&&(e=e.append(`${this.name}[${t}]`,this.serializeValue(n)))}else if(this.options.explode)for(let t of Object.keys(this.value)){let n=this.value[t];n!=null&&(e=e.append(t,this.serializeValue(n)))}else{let t=[];for(let n of Object.keys(this.value)){let o=this.value[n];o!=null&&(t.push(n),t.push(o))}e=e.append(this.name,this.serializeValue(t))}else this.value!==null&&this.value!==void 0&&(e=e.append(this.name,this.serializeValue(this.value)));return e}},En=class extends it{constructor(e,t,n){super(e,t,n,"simple",!1)}append(e){if(this.value!==null&&this.value!==void 0)if(this.value instanceof Array)for(let t of this.value)e=e.append(this.name,this.serializeValue(t));else e=e.append(this.name,this.serializeValue(this.value));return e}},a=class{constructor(e,t,n){this.rootUrl=e;this.operationPath=t;this.method=n}rootUrl;operationPath;method;_path=new Map;_query=new Map;_header=new Map;_bodyContent;_bodyContentType;path(e,t,n){this._path.set(e,new Sn(e,t,n||{}))}query(e,t,n){this._query.set(e,new Mn(e,t,n||{}))}header(e,t,n){this._header.set(e,new En(e,t,n||{}))}body(e,t="application/json"){if(e instanceof Blob?this._bodyContentType=e.type:this._bodyContentType=t,this._bodyContentType==="application/x-www-form-urlencoded"&&e!==null&&typeof e=="object"){let n=[];for(let o of Object.keys(e)){let i=e[o];i instanceof Array||(i=[i]);for(let d of i){let f=this.formDataValue(d);f!==null&&n.push([o,f])}}this._bodyContent=n.map(o=>`${encodeURIComponent(o[0])}=${encodeURIComponent(o[1])}`).join("&")}else if(this._bodyContentType==="multipart/form-data"){let n=new FormData;if(e!=null)for(let o of Object.keys(e)){let i=e[o];if(i instanceof Array)for(let d of i){let f=this.formDataValue(d);f!==null&&n.append(o,f)}else{let d=this.formDataValue(i);d!==null&&n.set(o,d)}}this._bodyContent=n}else this._bodyContent=e}formDataValue(e){return e==null?null:e instanceof Blob?e:typeof e=="object"?new Blob([JSON.stringify(e)],{type:"application/json"}):String(e)}build(e){e=e||{};let t=this.operationPath;for(let d of this._path.values())t=d.append(t);let n=this.rootUrl+t,o=new Do({encoder:yr});for(let d of this._query.values())o=d.append(o);let i=new $o;e.accept&&(i=i.append("Accept",e.accept));for(let d of this._header.values())i=d.append(i);return this._bodyContentType&&!(this._bodyContent instanceof FormData)&&(i=i.set("Content-Type",this._bodyContentType)),new Ao(this.method.toUpperCase(),n,this._bodyContent,{params:o,headers:i,responseType:e.responseType,reportProgress:e.reportProgress,context:e.context})}};function Rt(r,e,t,n){let o=new a(e,Rt.PATH,"post");return t&&o.body(t.body,"application/json"),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Rt.PATH="/auth/keys";function Pt(r,e,t,n){let o=new a(e,Pt.PATH,"post");return r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Pt.PATH="/auth/link";function xt(r,e,t,n){let o=new a(e,xt.PATH,"post");return t&&o.body(t.body,"application/json"),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}xt.PATH="/auth/projects";function Ct(r,e,t,n){let o=new a(e,Ct.PATH,"post");return r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Ct.PATH="/live/tickets";function _t(r,e,t,n){let o=new a(e,_t.PATH,"post");return t&&o.path("user_id",t.user_id,{}),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}_t.PATH="/auth/users/{user_id}/disable";function wt(r,e,t,n){let o=new a(e,wt.PATH,"post");return t&&o.path("user_id",t.user_id,{}),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}wt.PATH="/auth/users/{user_id}/enable";function Tt(r,e,t,n){let o=new a(e,Tt.PATH,"get");return t&&(o.query("subject",t.subject,{}),o.query("resource",t.resource,{}),o.query("action",t.action,{}),o.query("since",t.since,{}),o.query("until",t.until,{})),r.request(o.build({responseType:"blob",accept:"application/x-ndjson",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Tt.PATH="/audit/export";function St(r,e,t,n){let o=new a(e,St.PATH,"get");return t&&(o.query("limit",t.limit,{}),o.query("cursor",t.cursor,{}),o.query("subject",t.subject,{}),o.query("resource",t.resource,{}),o.query("action",t.action,{}),o.query("since",t.since,{}),o.query("until",t.until,{})),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}St.PATH="/audit";function Mt(r,e,t,n){let o=new a(e,Mt.PATH,"get");return t&&(o.query("room",t.room,{}),o.query("limit",t.limit,{})),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Mt.PATH="/events/dead";function Et(r,e,t,n){let o=new a(e,Et.PATH,"get");return t&&(o.query("limit",t.limit,{}),o.query("cursor",t.cursor,{})),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Et.PATH="/auth/keys";function $t(r,e,t,n){let o=new a(e,$t.PATH,"get");return t&&o.path("project",t.project,{}),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}$t.PATH="/auth/projects/{project}/members";function Dt(r,e,t,n){let o=new a(e,Dt.PATH,"get");return r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Dt.PATH="/auth/projects";function At(r,e,t,n){let o=new a(e,At.PATH,"get");return t&&(o.query("limit",t.limit,{}),o.query("cursor",t.cursor,{})),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}At.PATH="/auth/users";function jt(r,e,t,n){let o=new a(e,jt.PATH,"delete");return t&&(o.path("project",t.project,{}),o.path("user",t.user,{})),r.request(o.build({responseType:"text",accept:"*/*",context:n})).pipe(p(i=>i instanceof m),s(i=>i.clone({body:void 0})))}jt.PATH="/auth/projects/{project}/members/{user}";function Ot(r,e,t,n){let o=new a(e,Ot.PATH,"post");return t&&o.path("letter_id",t.letter_id,{}),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Ot.PATH="/events/dead/{letter_id}/replay";function Lt(r,e,t,n){let o=new a(e,Lt.PATH,"post");return t&&o.query("room",t.room,{}),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Lt.PATH="/events/dead/replay";function It(r,e,t,n){let o=new a(e,It.PATH,"delete");return t&&(o.path("key_id",t.key_id,{}),o.query("keep_created",t.keep_created,{})),r.request(o.build({responseType:"text",accept:"*/*",context:n})).pipe(p(i=>i instanceof m),s(i=>i.clone({body:void 0})))}It.PATH="/auth/keys/{key_id}";function Ft(r,e,t,n){let o=new a(e,Ft.PATH,"put");return t&&(o.path("target",t.target,{}),o.body(t.body,"application/json")),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Ft.PATH="/auth/limits/{target}";function kt(r,e,t,n){let o=new a(e,kt.PATH,"put");return t&&(o.path("project",t.project,{}),o.path("user",t.user,{}),o.body(t.body,"application/json")),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}kt.PATH="/auth/projects/{project}/members/{user}";function Vt(r,e,t,n){let o=new a(e,Vt.PATH,"get");return r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Vt.PATH="/healthz";function Bt(r,e,t,n){let o=new a(e,Bt.PATH,"get");return r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Bt.PATH="/limits";function Ut(r,e,t,n){let o=new a(e,Ut.PATH,"get");return t&&o.path("target",t.target,{}),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Ut.PATH="/auth/limits/{target}";function qt(r,e,t,n){let o=new a(e,qt.PATH,"get");return r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}qt.PATH="/overview";function Nt(r,e,t,n){let o=new a(e,Nt.PATH,"get");return r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Nt.PATH="/readyz";function Jt(r,e,t,n){let o=new a(e,Jt.PATH,"get");return r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Jt.PATH="/auth/session";function zt(r,e,t,n){let o=new a(e,zt.PATH,"get");return r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}zt.PATH="/auth/oidc";function Kt(r,e,t,n){let o=new a(e,Kt.PATH,"delete");return r.request(o.build({responseType:"text",accept:"*/*",context:n})).pipe(p(i=>i instanceof m),s(i=>i.clone({body:void 0})))}Kt.PATH="/auth/session";function Gt(r,e,t,n){let o=new a(e,Gt.PATH,"put");return t&&o.body(t.body,"application/json"),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Gt.PATH="/auth/session";var $n=class r extends x{constructor(e,t){super(e,t)}static ListAuditLinesPath="/audit";listAuditLines$Response(e,t){let n=St(this.http,this.rootUrl,e,t);return c(n)}listAuditLines(e,t){return this.listAuditLines$Response(e,t).then(o=>o.body)}static ExportAuditLinesPath="/audit/export";exportAuditLines$Response(e,t){let n=Tt(this.http,this.rootUrl,e,t);return c(n)}exportAuditLines(e,t){return this.exportAuditLines$Response(e,t).then(o=>o.body)}static ListKeysPath="/auth/keys";listKeys$Response(e,t){let n=Et(this.http,this.rootUrl,e,t);return c(n)}listKeys(e,t){return this.listKeys$Response(e,t).then(o=>o.body)}static CreateKeyPath="/auth/keys";createKey$Response(e,t){let n=Rt(this.http,this.rootUrl,e,t);return c(n)}createKey(e,t){return this.createKey$Response(e,t).then(o=>o.body)}static RevokeKeyPath="/auth/keys/{key_id}";revokeKey$Response(e,t){let n=It(this.http,this.rootUrl,e,t);return c(n)}revokeKey(e,t){return this.revokeKey$Response(e,t).then(o=>o.body)}static ShowLimitsOfPath="/auth/limits/{target}";showLimitsOf$Response(e,t){let n=Ut(this.http,this.rootUrl,e,t);return c(n)}showLimitsOf(e,t){return this.showLimitsOf$Response(e,t).then(o=>o.body)}static SetLimitsPath="/auth/limits/{target}";setLimits$Response(e,t){let n=Ft(this.http,this.rootUrl,e,t);return c(n)}setLimits(e,t){return this.setLimits$Response(e,t).then(o=>o.body)}static CreateLinkPath="/auth/link";createLink$Response(e,t){let n=Pt(this.http,this.rootUrl,e,t);return c(n)}createLink(e,t){return this.createLink$Response(e,t).then(o=>o.body)}static ShowSignInMethodsPath="/auth/oidc";showSignInMethods$Response(e,t){let n=zt(this.http,this.rootUrl,e,t);return c(n)}showSignInMethods(e,t){return this.showSignInMethods$Response(e,t).then(o=>o.body)}static ListProjectsPath="/auth/projects";listProjects$Response(e,t){let n=Dt(this.http,this.rootUrl,e,t);return c(n)}listProjects(e,t){return this.listProjects$Response(e,t).then(o=>o.body)}static CreateProjectPath="/auth/projects";createProject$Response(e,t){let n=xt(this.http,this.rootUrl,e,t);return c(n)}createProject(e,t){return this.createProject$Response(e,t).then(o=>o.body)}static ListMembersPath="/auth/projects/{project}/members";listMembers$Response(e,t){let n=$t(this.http,this.rootUrl,e,t);return c(n)}listMembers(e,t){return this.listMembers$Response(e,t).then(o=>o.body)}static SetMemberPath="/auth/projects/{project}/members/{user}";setMember$Response(e,t){let n=kt(this.http,this.rootUrl,e,t);return c(n)}setMember(e,t){return this.setMember$Response(e,t).then(o=>o.body)}static RemoveMemberPath="/auth/projects/{project}/members/{user}";removeMember$Response(e,t){let n=jt(this.http,this.rootUrl,e,t);return c(n)}removeMember(e,t){return this.removeMember$Response(e,t).then(o=>o.body)}static ShowSessionPath="/auth/session";showSession$Response(e,t){let n=Jt(this.http,this.rootUrl,e,t);return c(n)}showSession(e,t){return this.showSession$Response(e,t).then(o=>o.body)}static SwitchProjectPath="/auth/session";switchProject$Response(e,t){let n=Gt(this.http,this.rootUrl,e,t);return c(n)}switchProject(e,t){return this.switchProject$Response(e,t).then(o=>o.body)}static SignOutPath="/auth/session";signOut$Response(e,t){let n=Kt(this.http,this.rootUrl,e,t);return c(n)}signOut(e,t){return this.signOut$Response(e,t).then(o=>o.body)}static ListUsersPath="/auth/users";listUsers$Response(e,t){let n=At(this.http,this.rootUrl,e,t);return c(n)}listUsers(e,t){return this.listUsers$Response(e,t).then(o=>o.body)}static DisableUserPath="/auth/users/{user_id}/disable";disableUser$Response(e,t){let n=_t(this.http,this.rootUrl,e,t);return c(n)}disableUser(e,t){return this.disableUser$Response(e,t).then(o=>o.body)}static EnableUserPath="/auth/users/{user_id}/enable";enableUser$Response(e,t){let n=wt(this.http,this.rootUrl,e,t);return c(n)}enableUser(e,t){return this.enableUser$Response(e,t).then(o=>o.body)}static ListDeadEventsPath="/events/dead";listDeadEvents$Response(e,t){let n=Mt(this.http,this.rootUrl,e,t);return c(n)}listDeadEvents(e,t){return this.listDeadEvents$Response(e,t).then(o=>o.body)}static ReplayDeadEventsPath="/events/dead/replay";replayDeadEvents$Response(e,t){let n=Lt(this.http,this.rootUrl,e,t);return c(n)}replayDeadEvents(e,t){return this.replayDeadEvents$Response(e,t).then(o=>o.body)}static ReplayDeadEventPath="/events/dead/{letter_id}/replay";replayDeadEvent$Response(e,t){let n=Ot(this.http,this.rootUrl,e,t);return c(n)}replayDeadEvent(e,t){return this.replayDeadEvent$Response(e,t).then(o=>o.body)}static ShowHealthPath="/healthz";showHealth$Response(e,t){let n=Vt(this.http,this.rootUrl,e,t);return c(n)}showHealth(e,t){return this.showHealth$Response(e,t).then(o=>o.body)}static ShowLimitsPath="/limits";showLimits$Response(e,t){let n=Bt(this.http,this.rootUrl,e,t);return c(n)}showLimits(e,t){return this.showLimits$Response(e,t).then(o=>o.body)}static CreateTicketPath="/live/tickets";createTicket$Response(e,t){let n=Ct(this.http,this.rootUrl,e,t);return c(n)}createTicket(e,t){return this.createTicket$Response(e,t).then(o=>o.body)}static ShowOverviewPath="/overview";showOverview$Response(e,t){let n=qt(this.http,this.rootUrl,e,t);return c(n)}showOverview(e,t){return this.showOverview$Response(e,t).then(o=>o.body)}static ShowReadinessPath="/readyz";showReadiness$Response(e,t){let n=Nt(this.http,this.rootUrl,e,t);return c(n)}showReadiness(e,t){return this.showReadiness$Response(e,t).then(o=>o.body)}static \u0275fac=function(t){return new(t||r)(h(v),h(P))};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})};function Wt(r,e,t,n){let o=new a(e,Wt.PATH,"delete");return t&&o.path("import_id",t.import_id,{}),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Wt.PATH="/datasets/imports/{import_id}";function Zt(r,e,t,n){let o=new a(e,Zt.PATH,"post");return t&&o.body(t.body,"multipart/form-data"),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Zt.PATH="/v1/files";function Yt(r,e,t,n){let o=new a(e,Yt.PATH,"get");return t&&(o.path("dataset_id",t.dataset_id,{}),o.query("base",t.base,{}),o.query("version",t.version,{}),o.query("max_length",t.max_length,{})),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Yt.PATH="/datasets/{dataset_id}/statistics";function Qt(r,e,t,n){let o=new a(e,Qt.PATH,"delete");return t&&o.path("dataset_id",t.dataset_id,{}),r.request(o.build({responseType:"text",accept:"*/*",context:n})).pipe(p(i=>i instanceof m),s(i=>i.clone({body:void 0})))}Qt.PATH="/datasets/{dataset_id}";function Xt(r,e,t,n){let o=new a(e,Xt.PATH,"delete");return t&&o.path("file_id",t.file_id,{}),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Xt.PATH="/v1/files/{file_id}";function te(r,e,t,n){let o=new a(e,te.PATH,"get");return t&&(o.path("dataset_id",t.dataset_id,{}),o.query("version",t.version,{})),r.request(o.build({responseType:"text",accept:"*/*",context:n})).pipe(p(i=>i instanceof m),s(i=>i.clone({body:void 0})))}te.PATH="/datasets/{dataset_id}/rejected";function ee(r,e,t,n){let o=new a(e,ee.PATH,"get");return t&&o.path("name",t.name,{}),r.request(o.build({responseType:"text",accept:"*/*",context:n})).pipe(p(i=>i instanceof m),s(i=>i.clone({body:void 0})))}ee.PATH="/datasets/samples/{name}";function ne(r,e,t,n){let o=new a(e,ne.PATH,"get");return t&&o.path("dataset_id",t.dataset_id,{}),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}ne.PATH="/datasets/{dataset_id}";function oe(r,e,t,n){let o=new a(e,oe.PATH,"get");return t&&o.path("file_id",t.file_id,{}),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}oe.PATH="/v1/files/{file_id}";function re(r,e,t,n){let o=new a(e,re.PATH,"get");return t&&o.path("file_id",t.file_id,{}),r.request(o.build({responseType:"text",accept:"*/*",context:n})).pipe(p(i=>i instanceof m),s(i=>i.clone({body:void 0})))}re.PATH="/v1/files/{file_id}/content";function ie(r,e,t,n){let o=new a(e,ie.PATH,"get");return t&&o.path("import_id",t.import_id,{}),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}ie.PATH="/datasets/imports/{import_id}";function se(r,e,t,n){let o=new a(e,se.PATH,"post");return t&&o.body(t.body,"application/json"),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}se.PATH="/datasets/import";function ae(r,e,t,n){let o=new a(e,ae.PATH,"get");return t&&(o.query("limit",t.limit,{}),o.query("cursor",t.cursor,{}),o.query("name",t.name,{})),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}ae.PATH="/datasets";function pe(r,e,t,n){let o=new a(e,pe.PATH,"get");return t&&(o.query("purpose",t.purpose,{}),o.query("limit",t.limit,{}),o.query("after",t.after,{}),o.query("order",t.order,{})),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}pe.PATH="/v1/files";function me(r,e,t,n){let o=new a(e,me.PATH,"get");return t&&(o.query("limit",t.limit,{}),o.query("cursor",t.cursor,{})),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}me.PATH="/datasets/imports";function ce(r,e,t,n){let o=new a(e,ce.PATH,"get");return r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}ce.PATH="/datasets/samples";function le(r,e,t,n){let o=new a(e,le.PATH,"get");return t&&(o.path("dataset_id",t.dataset_id,{}),o.query("version",t.version,{}),o.query("split",t.split,{}),o.query("offset",t.offset,{}),o.query("limit",t.limit,{})),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}le.PATH="/datasets/{dataset_id}/preview";function de(r,e,t,n){let o=new a(e,de.PATH,"get");return t&&(o.path("dataset_id",t.dataset_id,{}),o.query("base",t.base,{}),o.query("row",t.row,{}),o.query("split",t.split,{}),o.query("version",t.version,{})),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}de.PATH="/datasets/{dataset_id}/rendered";function ue(r,e,t,n){let o=new a(e,ue.PATH,"post");return t&&(o.header("prefer",t.prefer,{}),o.body(t.body,"multipart/form-data")),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}ue.PATH="/datasets/upload";var Dn=class r extends x{constructor(e,t){super(e,t)}static ListDatasetsPath="/datasets";listDatasets$Response(e,t){let n=ae(this.http,this.rootUrl,e,t);return c(n)}listDatasets(e,t){return this.listDatasets$Response(e,t).then(o=>o.body)}static ImportDatasetPath="/datasets/import";importDataset$Response(e,t){let n=se(this.http,this.rootUrl,e,t);return c(n)}importDataset(e,t){return this.importDataset$Response(e,t).then(o=>o.body)}static ListImportsPath="/datasets/imports";listImports$Response(e,t){let n=me(this.http,this.rootUrl,e,t);return c(n)}listImports(e,t){return this.listImports$Response(e,t).then(o=>o.body)}static GetImportPath="/datasets/imports/{import_id}";getImport$Response(e,t){let n=ie(this.http,this.rootUrl,e,t);return c(n)}getImport(e,t){return this.getImport$Response(e,t).then(o=>o.body)}static CancelImportPath="/datasets/imports/{import_id}";cancelImport$Response(e,t){let n=Wt(this.http,this.rootUrl,e,t);return c(n)}cancelImport(e,t){return this.cancelImport$Response(e,t).then(o=>o.body)}static ListSampleDatasetsPath="/datasets/samples";listSampleDatasets$Response(e,t){let n=ce(this.http,this.rootUrl,e,t);return c(n)}listSampleDatasets(e,t){return this.listSampleDatasets$Response(e,t).then(o=>o.body)}static DownloadSampleDatasetPath="/datasets/samples/{name}";downloadSampleDataset$Response(e,t){let n=ee(this.http,this.rootUrl,e,t);return c(n)}downloadSampleDataset(e,t){return this.downloadSampleDataset$Response(e,t).then(o=>o.body)}static UploadDatasetPath="/datasets/upload";uploadDataset$Response(e,t){let n=ue(this.http,this.rootUrl,e,t);return c(n)}uploadDataset(e,t){return this.uploadDataset$Response(e,t).then(o=>o.body)}static GetDatasetPath="/datasets/{dataset_id}";getDataset$Response(e,t){let n=ne(this.http,this.rootUrl,e,t);return c(n)}getDataset(e,t){return this.getDataset$Response(e,t).then(o=>o.body)}static DeleteDatasetPath="/datasets/{dataset_id}";deleteDataset$Response(e,t){let n=Qt(this.http,this.rootUrl,e,t);return c(n)}deleteDataset(e,t){return this.deleteDataset$Response(e,t).then(o=>o.body)}static PreviewDatasetPath="/datasets/{dataset_id}/preview";previewDataset$Response(e,t){let n=le(this.http,this.rootUrl,e,t);return c(n)}previewDataset(e,t){return this.previewDataset$Response(e,t).then(o=>o.body)}static DownloadRejectedRowsPath="/datasets/{dataset_id}/rejected";downloadRejectedRows$Response(e,t){let n=te(this.http,this.rootUrl,e,t);return c(n)}downloadRejectedRows(e,t){return this.downloadRejectedRows$Response(e,t).then(o=>o.body)}static RenderDatasetRowPath="/datasets/{dataset_id}/rendered";renderDatasetRow$Response(e,t){let n=de(this.http,this.rootUrl,e,t);return c(n)}renderDatasetRow(e,t){return this.renderDatasetRow$Response(e,t).then(o=>o.body)}static DatasetStatisticsPath="/datasets/{dataset_id}/statistics";datasetStatistics$Response(e,t){let n=Yt(this.http,this.rootUrl,e,t);return c(n)}datasetStatistics(e,t){return this.datasetStatistics$Response(e,t).then(o=>o.body)}static ListFilesPath="/v1/files";listFiles$Response(e,t){let n=pe(this.http,this.rootUrl,e,t);return c(n)}listFiles(e,t){return this.listFiles$Response(e,t).then(o=>o.body)}static CreateFilePath="/v1/files";createFile$Response(e,t){let n=Zt(this.http,this.rootUrl,e,t);return c(n)}createFile(e,t){return this.createFile$Response(e,t).then(o=>o.body)}static GetFilePath="/v1/files/{file_id}";getFile$Response(e,t){let n=oe(this.http,this.rootUrl,e,t);return c(n)}getFile(e,t){return this.getFile$Response(e,t).then(o=>o.body)}static DeleteFilePath="/v1/files/{file_id}";deleteFile$Response(e,t){let n=Xt(this.http,this.rootUrl,e,t);return c(n)}deleteFile(e,t){return this.deleteFile$Response(e,t).then(o=>o.body)}static GetFileContentPath="/v1/files/{file_id}/content";getFileContent$Response(e,t){let n=re(this.http,this.rootUrl,e,t);return c(n)}getFileContent(e,t){return this.getFileContent$Response(e,t).then(o=>o.body)}static \u0275fac=function(t){return new(t||r)(h(v),h(P))};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})};function fe(r,e,t,n){let o=new a(e,fe.PATH,"post");return t&&o.body(t.body,"application/json"),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}fe.PATH="/v1/chat/completions";function be(r,e,t,n){let o=new a(e,be.PATH,"post");return t&&o.body(t.body,"application/json"),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}be.PATH="/v1/completions";function he(r,e,t,n){let o=new a(e,he.PATH,"post");return t&&(o.header("Idempotency-Key",t["Idempotency-Key"],{}),o.body(t.body,"application/json")),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}he.PATH="/deployments";function ge(r,e,t,n){let o=new a(e,ge.PATH,"delete");return t&&o.path("deployment_id",t.deployment_id,{}),r.request(o.build({responseType:"text",accept:"*/*",context:n})).pipe(p(i=>i instanceof m),s(i=>i.clone({body:void 0})))}ge.PATH="/deployments/{deployment_id}";function ye(r,e,t,n){let o=new a(e,ye.PATH,"get");return t&&(o.query("limit",t.limit,{}),o.query("cursor",t.cursor,{})),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}ye.PATH="/deployments";function ve(r,e,t,n){let o=new a(e,ve.PATH,"get");return r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}ve.PATH="/v1/models";function He(r,e,t,n){let o=new a(e,He.PATH,"get");return t&&o.path("deployment_id",t.deployment_id,{}),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}He.PATH="/deployments/{deployment_id}";function Re(r,e,t,n){let o=new a(e,Re.PATH,"get");return t&&o.path("model_id",t.model_id,{}),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Re.PATH="/v1/models/{model_id}";var An=class r extends x{constructor(e,t){super(e,t)}static ListDeploymentsPath="/deployments";listDeployments$Response(e,t){let n=ye(this.http,this.rootUrl,e,t);return c(n)}listDeployments(e,t){return this.listDeployments$Response(e,t).then(o=>o.body)}static CreateDeploymentPath="/deployments";createDeployment$Response(e,t){let n=he(this.http,this.rootUrl,e,t);return c(n)}createDeployment(e,t){return this.createDeployment$Response(e,t).then(o=>o.body)}static ShowDeploymentPath="/deployments/{deployment_id}";showDeployment$Response(e,t){let n=He(this.http,this.rootUrl,e,t);return c(n)}showDeployment(e,t){return this.showDeployment$Response(e,t).then(o=>o.body)}static DeleteDeploymentPath="/deployments/{deployment_id}";deleteDeployment$Response(e,t){let n=ge(this.http,this.rootUrl,e,t);return c(n)}deleteDeployment(e,t){return this.deleteDeployment$Response(e,t).then(o=>o.body)}static CreateChatCompletionPath="/v1/chat/completions";createChatCompletion$Response(e,t){let n=fe(this.http,this.rootUrl,e,t);return c(n)}createChatCompletion(e,t){return this.createChatCompletion$Response(e,t).then(o=>o.body)}static CreateCompletionPath="/v1/completions";createCompletion$Response(e,t){let n=be(this.http,this.rootUrl,e,t);return c(n)}createCompletion(e,t){return this.createCompletion$Response(e,t).then(o=>o.body)}static ListServedModelsPath="/v1/models";listServedModels$Response(e,t){let n=ve(this.http,this.rootUrl,e,t);return c(n)}listServedModels(e,t){return this.listServedModels$Response(e,t).then(o=>o.body)}static ShowServedModelPath="/v1/models/{model_id}";showServedModel$Response(e,t){let n=Re(this.http,this.rootUrl,e,t);return c(n)}showServedModel(e,t){return this.showServedModel$Response(e,t).then(o=>o.body)}static \u0275fac=function(t){return new(t||r)(h(v),h(P))};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})};function Pe(r,e,t,n){let o=new a(e,Pe.PATH,"post");return t&&o.path("id",t.id,{}),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Pe.PATH="/evaluations/{id}/cancel";function xe(r,e,t,n){let o=new a(e,xe.PATH,"post");return t&&(o.path("id",t.id,{}),o.header("idempotency-key",t["idempotency-key"],{}),o.body(t.body,"application/json")),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}xe.PATH="/models/custom/{id}/evaluate";function Ce(r,e,t,n){let o=new a(e,Ce.PATH,"get");return t&&(o.query("model_id",t.model_id,{}),o.query("limit",t.limit,{}),o.query("cursor",t.cursor,{})),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Ce.PATH="/evaluations";function _e(r,e,t,n){let o=new a(e,_e.PATH,"get");return t&&(o.path("id",t.id,{}),o.query("offset",t.offset,{}),o.query("limit",t.limit,{}),o.query("sort",t.sort,{})),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}_e.PATH="/evaluations/{id}/predictions";function we(r,e,t,n){let o=new a(e,we.PATH,"get");return t&&o.path("id",t.id,{}),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}we.PATH="/evaluations/{id}";var jn=class r extends x{constructor(e,t){super(e,t)}static ListEvaluationsPath="/evaluations";listEvaluations$Response(e,t){let n=Ce(this.http,this.rootUrl,e,t);return c(n)}listEvaluations(e,t){return this.listEvaluations$Response(e,t).then(o=>o.body)}static ShowEvaluationPath="/evaluations/{id}";showEvaluation$Response(e,t){let n=we(this.http,this.rootUrl,e,t);return c(n)}showEvaluation(e,t){return this.showEvaluation$Response(e,t).then(o=>o.body)}static CancelEvaluationPath="/evaluations/{id}/cancel";cancelEvaluation$Response(e,t){let n=Pe(this.http,this.rootUrl,e,t);return c(n)}cancelEvaluation(e,t){return this.cancelEvaluation$Response(e,t).then(o=>o.body)}static ListPredictionsPath="/evaluations/{id}/predictions";listPredictions$Response(e,t){let n=_e(this.http,this.rootUrl,e,t);return c(n)}listPredictions(e,t){return this.listPredictions$Response(e,t).then(o=>o.body)}static EvaluateModelPath="/models/custom/{id}/evaluate";evaluateModel$Response(e,t){let n=xe(this.http,this.rootUrl,e,t);return c(n)}evaluateModel(e,t){return this.evaluateModel$Response(e,t).then(o=>o.body)}static \u0275fac=function(t){return new(t||r)(h(v),h(P))};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})};function Te(r,e,t,n){let o=new a(e,Te.PATH,"post");return t&&o.path("id",t.id,{}),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Te.PATH="/exports/{id}/cancel";function Se(r,e,t,n){let o=new a(e,Se.PATH,"delete");return t&&o.path("id",t.id,{}),r.request(o.build({responseType:"text",accept:"*/*",context:n})).pipe(p(i=>i instanceof m),s(i=>i.clone({body:void 0})))}Se.PATH="/exports/{id}";function Me(r,e,t,n){let o=new a(e,Me.PATH,"get");return t&&(o.path("id",t.id,{}),o.path("name",t.name,{})),r.request(o.build({responseType:"blob",accept:"application/octet-stream",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Me.PATH="/exports/{id}/files/{name}";function Ee(r,e,t,n){let o=new a(e,Ee.PATH,"get");return t&&(o.path("id",t.id,{}),o.query("format",t.format,{})),r.request(o.build({responseType:"blob",accept:"application/octet-stream",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Ee.PATH="/models/custom/{id}/export";function $e(r,e,t,n){let o=new a(e,$e.PATH,"get");return t&&(o.query("model_id",t.model_id,{}),o.query("limit",t.limit,{}),o.query("cursor",t.cursor,{})),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}$e.PATH="/exports";function De(r,e,t,n){let o=new a(e,De.PATH,"get");return t&&o.path("id",t.id,{}),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}De.PATH="/exports/{id}";function Ae(r,e,t,n){let o=new a(e,Ae.PATH,"post");return t&&(o.path("id",t.id,{}),o.header("idempotency-key",t["idempotency-key"],{}),o.body(t.body,"application/json")),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Ae.PATH="/models/custom/{id}/exports";var On=class r extends x{constructor(e,t){super(e,t)}static ListExportsPath="/exports";listExports$Response(e,t){let n=$e(this.http,this.rootUrl,e,t);return c(n)}listExports(e,t){return this.listExports$Response(e,t).then(o=>o.body)}static ShowExportPath="/exports/{id}";showExport$Response(e,t){let n=De(this.http,this.rootUrl,e,t);return c(n)}showExport(e,t){return this.showExport$Response(e,t).then(o=>o.body)}static DeleteExportPath="/exports/{id}";deleteExport$Response(e,t){let n=Se(this.http,this.rootUrl,e,t);return c(n)}deleteExport(e,t){return this.deleteExport$Response(e,t).then(o=>o.body)}static CancelExportPath="/exports/{id}/cancel";cancelExport$Response(e,t){let n=Te(this.http,this.rootUrl,e,t);return c(n)}cancelExport(e,t){return this.cancelExport$Response(e,t).then(o=>o.body)}static DownloadExportFilePath="/exports/{id}/files/{name}";downloadExportFile$Response(e,t){let n=Me(this.http,this.rootUrl,e,t);return c(n)}downloadExportFile(e,t){return this.downloadExportFile$Response(e,t).then(o=>o.body)}static ExportModelPath="/models/custom/{id}/export";exportModel$Response(e,t){let n=Ee(this.http,this.rootUrl,e,t);return c(n)}exportModel(e,t){return this.exportModel$Response(e,t).then(o=>o.body)}static StartExportPath="/models/custom/{id}/exports";startExport$Response(e,t){let n=Ae(this.http,this.rootUrl,e,t);return c(n)}startExport(e,t){return this.startExport$Response(e,t).then(o=>o.body)}static \u0275fac=function(t){return new(t||r)(h(v),h(P))};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})};function je(r,e,t,n){let o=new a(e,je.PATH,"post");return t&&(o.header("Idempotency-Key",t["Idempotency-Key"],{}),o.body(t.body,"multipart/form-data")),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}je.PATH="/models/base";function Oe(r,e,t,n){let o=new a(e,Oe.PATH,"post");return t&&(o.header("Idempotency-Key",t["Idempotency-Key"],{}),o.body(t.body,"application/json")),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Oe.PATH="/models/base";function Le(r,e,t,n){let o=new a(e,Le.PATH,"patch");return t&&(o.path("id",t.id,{}),o.body(t.body,"application/json")),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Le.PATH="/models/custom/{id}";function Ie(r,e,t,n){let o=new a(e,Ie.PATH,"delete");return t&&o.path("id",t.id,{}),r.request(o.build({responseType:"text",accept:"*/*",context:n})).pipe(p(i=>i instanceof m),s(i=>i.clone({body:void 0})))}Ie.PATH="/models/base/{id}";function Fe(r,e,t,n){let o=new a(e,Fe.PATH,"delete");return t&&o.path("id",t.id,{}),r.request(o.build({responseType:"text",accept:"*/*",context:n})).pipe(p(i=>i instanceof m),s(i=>i.clone({body:void 0})))}Fe.PATH="/models/custom/{id}";function ke(r,e,t,n){let o=new a(e,ke.PATH,"delete");return t&&o.path("model_id",t.model_id,{}),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}ke.PATH="/v1/models/{model_id}";function Ve(r,e,t,n){let o=new a(e,Ve.PATH,"get");return t&&o.path("id",t.id,{}),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Ve.PATH="/models/base/{id}";function Be(r,e,t,n){let o=new a(e,Be.PATH,"get");return t&&o.path("id",t.id,{}),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Be.PATH="/models/custom/{id}";function Ue(r,e,t,n){let o=new a(e,Ue.PATH,"get");return r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Ue.PATH="/models/available";function qe(r,e,t,n){let o=new a(e,qe.PATH,"get");return t&&(o.query("limit",t.limit,{}),o.query("cursor",t.cursor,{})),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}qe.PATH="/models/base";function Ne(r,e,t,n){let o=new a(e,Ne.PATH,"get");return t&&(o.query("limit",t.limit,{}),o.query("cursor",t.cursor,{})),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Ne.PATH="/models/custom";var Ln=class r extends x{constructor(e,t){super(e,t)}static ListAvailableModelsPath="/models/available";listAvailableModels$Response(e,t){let n=Ue(this.http,this.rootUrl,e,t);return c(n)}listAvailableModels(e,t){return this.listAvailableModels$Response(e,t).then(o=>o.body)}static ListBaseModelsPath="/models/base";listBaseModels$Response(e,t){let n=qe(this.http,this.rootUrl,e,t);return c(n)}listBaseModels(e,t){return this.listBaseModels$Response(e,t).then(o=>o.body)}static AddBaseModelPath="/models/base";addBaseModel$Json$Response(e,t){let n=Oe(this.http,this.rootUrl,e,t);return c(n)}addBaseModel$Json(e,t){return this.addBaseModel$Json$Response(e,t).then(o=>o.body)}addBaseModel$FormData$Response(e,t){let n=je(this.http,this.rootUrl,e,t);return c(n)}addBaseModel$FormData(e,t){return this.addBaseModel$FormData$Response(e,t).then(o=>o.body)}static GetBaseModelPath="/models/base/{id}";getBaseModel$Response(e,t){let n=Ve(this.http,this.rootUrl,e,t);return c(n)}getBaseModel(e,t){return this.getBaseModel$Response(e,t).then(o=>o.body)}static DeleteBaseModelPath="/models/base/{id}";deleteBaseModel$Response(e,t){let n=Ie(this.http,this.rootUrl,e,t);return c(n)}deleteBaseModel(e,t){return this.deleteBaseModel$Response(e,t).then(o=>o.body)}static ListCustomModelsPath="/models/custom";listCustomModels$Response(e,t){let n=Ne(this.http,this.rootUrl,e,t);return c(n)}listCustomModels(e,t){return this.listCustomModels$Response(e,t).then(o=>o.body)}static GetCustomModelPath="/models/custom/{id}";getCustomModel$Response(e,t){let n=Be(this.http,this.rootUrl,e,t);return c(n)}getCustomModel(e,t){return this.getCustomModel$Response(e,t).then(o=>o.body)}static DeleteCustomModelPath="/models/custom/{id}";deleteCustomModel$Response(e,t){let n=Fe(this.http,this.rootUrl,e,t);return c(n)}deleteCustomModel(e,t){return this.deleteCustomModel$Response(e,t).then(o=>o.body)}static ChangeCustomModelPath="/models/custom/{id}";changeCustomModel$Response(e,t){let n=Le(this.http,this.rootUrl,e,t);return c(n)}changeCustomModel(e,t){return this.changeCustomModel$Response(e,t).then(o=>o.body)}static DeleteModelPath="/v1/models/{model_id}";deleteModel$Response(e,t){let n=ke(this.http,this.rootUrl,e,t);return c(n)}deleteModel(e,t){return this.deleteModel$Response(e,t).then(o=>o.body)}static \u0275fac=function(t){return new(t||r)(h(v),h(P))};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})};function Je(r,e,t,n){let o=new a(e,Je.PATH,"post");return t&&o.path("job_id",t.job_id,{}),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Je.PATH="/v1/fine_tuning/jobs/{job_id}/cancel";function ze(r,e,t,n){let o=new a(e,ze.PATH,"post");return t&&o.path("id",t.id,{}),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}ze.PATH="/training/jobs/{id}/cancel";function Ke(r,e,t,n){let o=new a(e,Ke.PATH,"post");return t&&(o.header("Idempotency-Key",t["Idempotency-Key"],{}),o.body(t.body,"application/json")),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Ke.PATH="/v1/fine_tuning/jobs";function Ge(r,e,t,n){let o=new a(e,Ge.PATH,"post");return t&&(o.header("Idempotency-Key",t["Idempotency-Key"],{}),o.body(t.body,"application/json")),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Ge.PATH="/training/jobs";function We(r,e,t,n){let o=new a(e,We.PATH,"post");return t&&(o.header("Idempotency-Key",t["Idempotency-Key"],{}),o.body(t.body,"application/json")),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}We.PATH="/training/presets";function Ze(r,e,t,n){let o=new a(e,Ze.PATH,"delete");return t&&o.path("id",t.id,{}),r.request(o.build({responseType:"text",accept:"*/*",context:n})).pipe(p(i=>i instanceof m),s(i=>i.clone({body:void 0})))}Ze.PATH="/training/presets/{id}";function Ye(r,e,t,n){let o=new a(e,Ye.PATH,"get");return t&&o.path("id",t.id,{}),r.request(o.build({responseType:"text",accept:"*/*",context:n})).pipe(p(i=>i instanceof m),s(i=>i.clone({body:void 0})))}Ye.PATH="/training/jobs/{id}/tensorboard";function Qe(r,e,t,n){let o=new a(e,Qe.PATH,"post");return t&&o.body(t.body,"application/json"),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Qe.PATH="/training/estimate";function Xe(r,e,t,n){let o=new a(e,Xe.PATH,"get");return t&&o.path("job_id",t.job_id,{}),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}Xe.PATH="/v1/fine_tuning/jobs/{job_id}";function tn(r,e,t,n){let o=new a(e,tn.PATH,"get");return t&&o.path("id",t.id,{}),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}tn.PATH="/training/jobs/{id}";function en(r,e,t,n){let o=new a(e,en.PATH,"get");return t&&(o.path("id",t.id,{}),o.query("after",t.after,{}),o.query("limit",t.limit,{}),o.query("level",t.level,{})),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}en.PATH="/training/jobs/{id}/logs";function nn(r,e,t,n){let o=new a(e,nn.PATH,"get");return t&&(o.path("id",t.id,{}),o.query("after",t.after,{}),o.query("limit",t.limit,{})),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}nn.PATH="/training/jobs/{id}/metrics";function on(r,e,t,n){let o=new a(e,on.PATH,"get");return t&&(o.path("id",t.id,{}),o.query("after",t.after,{}),o.query("limit",t.limit,{})),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}on.PATH="/training/jobs/{id}/records";function rn(r,e,t,n){let o=new a(e,rn.PATH,"get");return r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}rn.PATH="/training/jobs/usage";function sn(r,e,t,n){let o=new a(e,sn.PATH,"get");return t&&(o.path("job_id",t.job_id,{}),o.query("limit",t.limit,{}),o.query("after",t.after,{})),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}sn.PATH="/v1/fine_tuning/jobs/{job_id}/checkpoints";function an(r,e,t,n){let o=new a(e,an.PATH,"get");return t&&(o.path("job_id",t.job_id,{}),o.query("limit",t.limit,{}),o.query("after",t.after,{})),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}an.PATH="/v1/fine_tuning/jobs/{job_id}/events";function pn(r,e,t,n){let o=new a(e,pn.PATH,"get");return t&&(o.query("limit",t.limit,{}),o.query("after",t.after,{}),o.query("metadata[key]",t["metadata[key]"],{})),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}pn.PATH="/v1/fine_tuning/jobs";function mn(r,e,t,n){let o=new a(e,mn.PATH,"get");return t&&(o.query("state",t.state,{}),o.query("limit",t.limit,{}),o.query("cursor",t.cursor,{})),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}mn.PATH="/training/jobs";function cn(r,e,t,n){let o=new a(e,cn.PATH,"get");return t&&(o.query("limit",t.limit,{}),o.query("cursor",t.cursor,{})),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}cn.PATH="/training/presets";function ln(r,e,t,n){let o=new a(e,ln.PATH,"post");return t&&o.path("job_id",t.job_id,{}),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}ln.PATH="/v1/fine_tuning/jobs/{job_id}/pause";function dn(r,e,t,n){let o=new a(e,dn.PATH,"post");return t&&o.path("id",t.id,{}),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}dn.PATH="/training/jobs/{id}/pause";function un(r,e,t,n){let o=new a(e,un.PATH,"post");return t&&o.path("job_id",t.job_id,{}),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}un.PATH="/v1/fine_tuning/jobs/{job_id}/resume";function fn(r,e,t,n){let o=new a(e,fn.PATH,"post");return t&&o.path("id",t.id,{}),r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}fn.PATH="/training/jobs/{id}/resume";function bn(r,e,t,n){let o=new a(e,bn.PATH,"get");return r.request(o.build({responseType:"json",accept:"application/json",context:n})).pipe(p(i=>i instanceof m),s(i=>i))}bn.PATH="/training/machine";var In=class r extends x{constructor(e,t){super(e,t)}static EstimateTrainingJobPath="/training/estimate";estimateTrainingJob$Response(e,t){let n=Qe(this.http,this.rootUrl,e,t);return c(n)}estimateTrainingJob(e,t){return this.estimateTrainingJob$Response(e,t).then(o=>o.body)}static ListTrainingJobsPath="/training/jobs";listTrainingJobs$Response(e,t){let n=mn(this.http,this.rootUrl,e,t);return c(n)}listTrainingJobs(e,t){return this.listTrainingJobs$Response(e,t).then(o=>o.body)}static CreateTrainingJobPath="/training/jobs";createTrainingJob$Response(e,t){let n=Ge(this.http,this.rootUrl,e,t);return c(n)}createTrainingJob(e,t){return this.createTrainingJob$Response(e,t).then(o=>o.body)}static GetTrainingUsagePath="/training/jobs/usage";getTrainingUsage$Response(e,t){let n=rn(this.http,this.rootUrl,e,t);return c(n)}getTrainingUsage(e,t){return this.getTrainingUsage$Response(e,t).then(o=>o.body)}static GetTrainingJobPath="/training/jobs/{id}";getTrainingJob$Response(e,t){let n=tn(this.http,this.rootUrl,e,t);return c(n)}getTrainingJob(e,t){return this.getTrainingJob$Response(e,t).then(o=>o.body)}static CancelTrainingJobPath="/training/jobs/{id}/cancel";cancelTrainingJob$Response(e,t){let n=ze(this.http,this.rootUrl,e,t);return c(n)}cancelTrainingJob(e,t){return this.cancelTrainingJob$Response(e,t).then(o=>o.body)}static GetTrainingLogsPath="/training/jobs/{id}/logs";getTrainingLogs$Response(e,t){let n=en(this.http,this.rootUrl,e,t);return c(n)}getTrainingLogs(e,t){return this.getTrainingLogs$Response(e,t).then(o=>o.body)}static GetTrainingMetricsPath="/training/jobs/{id}/metrics";getTrainingMetrics$Response(e,t){let n=nn(this.http,this.rootUrl,e,t);return c(n)}getTrainingMetrics(e,t){return this.getTrainingMetrics$Response(e,t).then(o=>o.body)}static PauseTrainingJobPath="/training/jobs/{id}/pause";pauseTrainingJob$Response(e,t){let n=dn(this.http,this.rootUrl,e,t);return c(n)}pauseTrainingJob(e,t){return this.pauseTrainingJob$Response(e,t).then(o=>o.body)}static GetTrainingRecordsPath="/training/jobs/{id}/records";getTrainingRecords$Response(e,t){let n=on(this.http,this.rootUrl,e,t);return c(n)}getTrainingRecords(e,t){return this.getTrainingRecords$Response(e,t).then(o=>o.body)}static ResumeTrainingJobPath="/training/jobs/{id}/resume";resumeTrainingJob$Response(e,t){let n=fn(this.http,this.rootUrl,e,t);return c(n)}resumeTrainingJob(e,t){return this.resumeTrainingJob$Response(e,t).then(o=>o.body)}static DownloadTrainingCurvesPath="/training/jobs/{id}/tensorboard";downloadTrainingCurves$Response(e,t){let n=Ye(this.http,this.rootUrl,e,t);return c(n)}downloadTrainingCurves(e,t){return this.downloadTrainingCurves$Response(e,t).then(o=>o.body)}static ShowTrainingMachinePath="/training/machine";showTrainingMachine$Response(e,t){let n=bn(this.http,this.rootUrl,e,t);return c(n)}showTrainingMachine(e,t){return this.showTrainingMachine$Response(e,t).then(o=>o.body)}static ListTrainingPresetsPath="/training/presets";listTrainingPresets$Response(e,t){let n=cn(this.http,this.rootUrl,e,t);return c(n)}listTrainingPresets(e,t){return this.listTrainingPresets$Response(e,t).then(o=>o.body)}static CreateTrainingPresetPath="/training/presets";createTrainingPreset$Response(e,t){let n=We(this.http,this.rootUrl,e,t);return c(n)}createTrainingPreset(e,t){return this.createTrainingPreset$Response(e,t).then(o=>o.body)}static DeleteTrainingPresetPath="/training/presets/{id}";deleteTrainingPreset$Response(e,t){let n=Ze(this.http,this.rootUrl,e,t);return c(n)}deleteTrainingPreset(e,t){return this.deleteTrainingPreset$Response(e,t).then(o=>o.body)}static ListFineTuningJobsPath="/v1/fine_tuning/jobs";listFineTuningJobs$Response(e,t){let n=pn(this.http,this.rootUrl,e,t);return c(n)}listFineTuningJobs(e,t){return this.listFineTuningJobs$Response(e,t).then(o=>o.body)}static CreateFineTuningJobPath="/v1/fine_tuning/jobs";createFineTuningJob$Response(e,t){let n=Ke(this.http,this.rootUrl,e,t);return c(n)}createFineTuningJob(e,t){return this.createFineTuningJob$Response(e,t).then(o=>o.body)}static GetFineTuningJobPath="/v1/fine_tuning/jobs/{job_id}";getFineTuningJob$Response(e,t){let n=Xe(this.http,this.rootUrl,e,t);return c(n)}getFineTuningJob(e,t){return this.getFineTuningJob$Response(e,t).then(o=>o.body)}static CancelFineTuningJobPath="/v1/fine_tuning/jobs/{job_id}/cancel";cancelFineTuningJob$Response(e,t){let n=Je(this.http,this.rootUrl,e,t);return c(n)}cancelFineTuningJob(e,t){return this.cancelFineTuningJob$Response(e,t).then(o=>o.body)}static ListFineTuningCheckpointsPath="/v1/fine_tuning/jobs/{job_id}/checkpoints";listFineTuningCheckpoints$Response(e,t){let n=sn(this.http,this.rootUrl,e,t);return c(n)}listFineTuningCheckpoints(e,t){return this.listFineTuningCheckpoints$Response(e,t).then(o=>o.body)}static ListFineTuningEventsPath="/v1/fine_tuning/jobs/{job_id}/events";listFineTuningEvents$Response(e,t){let n=an(this.http,this.rootUrl,e,t);return c(n)}listFineTuningEvents(e,t){return this.listFineTuningEvents$Response(e,t).then(o=>o.body)}static PauseFineTuningJobPath="/v1/fine_tuning/jobs/{job_id}/pause";pauseFineTuningJob$Response(e,t){let n=ln(this.http,this.rootUrl,e,t);return c(n)}pauseFineTuningJob(e,t){return this.pauseFineTuningJob$Response(e,t).then(o=>o.body)}static ResumeFineTuningJobPath="/v1/fine_tuning/jobs/{job_id}/resume";resumeFineTuningJob$Response(e,t){let n=un(this.http,this.rootUrl,e,t);return c(n)}resumeFineTuningJob(e,t){return this.resumeFineTuningJob$Response(e,t).then(o=>o.body)}static \u0275fac=function(t){return new(t||r)(h(v),h(P))};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})};var vr={dashboard:"M4 13h6V4H4zM14 9h6V4h-6zM14 20h6v-7h-6zM4 20h6v-3H4z",datasets:"M4 6c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3zM4 6v6c0 1.7 3.6 3 8 3s8-1.3 8-3V6M4 12v6c0 1.7 3.6 3 8 3s8-1.3 8-3v-6",models:"M12 3l8 4.5v9L12 21l-8-4.5v-9zM12 12l8-4.5M12 12v9M12 12L4 7.5",jobs:"M4 20V4M4 20h16M8 15l3.5-5 3 2.5L20 6",evaluations:"M4 20h16M7 20v-7M12 20V5M17 20v-10",exports:"M12 3v12M7 10l5 5 5-5M4 17v3h16v-3",playground:"M4 5h16v11H9l-5 4z",members:"M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3 20c0-3.5 2.5-6 6-6s6 2.5 6 6M16 4.5a3.5 3.5 0 0 1 0 6.5M17.5 14.5c2.200.8 3.5 2.800 3.5 5.5",settings:"M4 7h10M18 7h2M4 17h2M10 17h10M14 5v4M10 15v4",menu:"M4 7h16M4 12h16M4 17h16",close:"M6 6l12 12M18 6L6 18",plus:"M12 5v14M5 12h14",upload:"M12 16V4M7 9l5-5 5 5M4 17v3h16v-3",download:"M12 4v12M7 11l5 5 5-5M4 20h16",trash:"M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v5M14 11v5",copy:"M9 9h11v11H9zM5 15H4V4h11v1",check:"M5 13l4 4L19 7",alert:"M12 3l9.5 17h-19zM12 10v4M12 17v.5",play:"M7 5l12 7-12 7z",pause:"M8 5v14M16 5v14",stop:"M6 6h12v12H6z",send:"M4 12l16-8-5 16-3.5-6.5zM11.5 13.5L20 4",search:"M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5L20 20",refresh:"M20 12a8 8 0 1 1-2.5-5.8M20 3v5h-5",edit:"M4 20h4L19 9l-4-4L4 16zM13 7l4 4",arrow:"M5 12h14M13 6l6 6-6 6",key:"M8 15a4 4 0 1 1 3.5-6H21v4h-3v3h-4v-3h-2.5A4 4 0 0 1 8 15z",info:"M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5M12 7.5v.5"},Lo=class r{name=To.required();path=wo(()=>vr[this.name()]);static \u0275fac=function(t){return new(t||r)};static \u0275cmp=M({type:r,selectors:[["an-icon"]],inputs:{name:[1,"name"]},decls:2,vars:1,consts:[["viewBox","0 0 24 24","aria-hidden","true","focusable","false"]],template:function(t,n){t&1&&(fo(),yt(0,"svg",0),L(1,"path"),vt()),t&2&&(Ro(),ot("d",n.path()))},styles:["[_nghost-%COMP%]{display:inline-flex;flex:none}svg[_ngcontent-%COMP%]{width:1.25em;height:1.25em;fill:none;stroke:currentColor;stroke-width:1.8;stroke-linecap:round;stroke-linejoin:round}"]})};var Io=["B","kB","MB","GB","TB"];function cv(r){if(r==null)return"\u2013";let e=r,t=0;for(;e>=1e3&&t<Io.length-1;)[e,t]=[e/1e3,t+1];return`${t===0||e>=100?Math.round(e):e.toFixed(1)} ${Io[t]}`}function lv(r){if(r==null||!Number.isFinite(r))return"\u2013";let e=Math.max(0,Math.round(r));return e<60?`${e} s`:e<3600?`${Math.floor(e/60)} min ${e%60} s`:`${Math.floor(e/3600)} h ${Math.floor(e%3600/60)} min`}function dv(r,e=new Date){let t=(new Date(r).getTime()-e.getTime())/1e3;if(Math.abs(t)<20)return"just now";let n=new Intl.RelativeTimeFormat("en",{numeric:"auto"}),o=[["day",86400],["hour",3600],["minute",60],["second",1]],[i,d]=o.find(([,f])=>Math.abs(t)>=f)??["second",1];return n.format(Math.round(t/d),i)}function Fo(r){return r==null?"\u2013":r.toLocaleString("en")}function uv(r){return r?r>=9995e5?`${(r/1e9).toFixed(r>=1e10?0:1)} B`:r>=1e6?`${(r/1e6).toFixed(r>=1e8?0:1)} M`:Fo(r):"\u2013"}function fv(r){return r==null||!Number.isFinite(r)?"\u2013":r!==0&&Math.abs(r)<.001?r.toExponential(2):Number(r.toPrecision(4)).toLocaleString("en",{maximumFractionDigits:6})}function bv(r,e){return r==null?e?`For example ${e}`:"":`${Fo(r)} found${e?`, for example ${e}`:""}`}var Hr={lora:"LoRA",qlora:"QLoRA",full:"Full"};function hv(r){return Hr[r]??r}function ko(r){let e=r.replaceAll("_"," ");return e.charAt(0).toUpperCase()+e.slice(1)}var kn="Something went wrong",Vo={status:0,code:"unreachable",title:"Can't reach the platform",detail:"The platform did not respond.",remedy:"Check that it is running (make up or anneal up). This page reconnects automatically."};function Bo(r){return r instanceof jo?r.status===0?Vo:Rr(r.error,r.status):r instanceof TypeError?Vo:Uo(0,r instanceof Error?r.message:String(r))}function Rr(r,e){let t=typeof r=="string"?xr(r):r;return Fn(t)&&Fn(t.error)?Pr(t.error,e):!Fn(t)||typeof t.detail!="string"?Uo(e,`The platform responded with status ${e}.`):eo(j({title:kn,code:"unknown"},t),{status:e})}function Pr(r,e){let t=typeof r.remedy=="string"?r.remedy:void 0,n=String(r.message??"");return{status:e,code:String(r.code??"unknown"),title:r.code?ko(String(r.code)):kn,detail:t&&n.endsWith(t)?n.slice(0,-t.length).trim():n,field:r.param??void 0,limit:r.limit,remedy:t,trace_id:r.trace_id}}function Uo(r,e){return{status:r,code:"unknown",title:kn,detail:e}}function xr(r){try{return JSON.parse(r)}catch{return}}function Fn(r){return typeof r=="object"&&r!==null}var Cr=1500,hn=class r{offline=S(!1);signedOut=S(!1);project=S(void 0);refetchCount=S(0);async isReachable(){return(await fetch("/healthz",{cache:"no-store"}).catch(()=>{}))?.ok??!1}markOffline(){this.offline()||(this.offline.set(!0),this.scheduleReconnect())}async checkSession(){let e=await fetch("/auth/session").catch(()=>{});if(!e)return this.markOffline();e.ok&&(this.project.set((await e.json()).project),this.signedOut.set(!1),this.refetchAll())}scheduleReconnect(){setTimeout(async()=>{if(!await this.isReachable())return this.scheduleReconnect();this.offline.set(!1),this.refetchAll()},Cr)}refetchAll(){this.refetchCount.update(e=>e+1)}static \u0275fac=function(t){return new(t||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})};var Vn=class r{responses=new Map;static \u0275fac=function(t){return new(t||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})},_r=3e3;function wr(r){return r.status===503?_r:null}function $v(r,e=()=>null,t=wr){let n=l(Vn).responses,o=l(hn),i=S(void 0),d=S(void 0),f=S(!1),C=S(0),_,y=0,k;async function dt(g,H){f.set(!0);try{let R=await g.fetch();if(H!==y)return;n.set(g.key,R),i.set(R),d.set(void 0),K(g,e(R),H)}catch(R){if(H!==y)return;let ut=Bo(R);d.set(ut),K(g,t(ut),H)}finally{H===y&&f.set(!1)}}function K(g,H,R){H!==null&&(_=setTimeout(()=>document.hidden?K(g,H,R):void dt(g,R),H))}ho(()=>{let g=r();C(),o.refetchCount(),clearTimeout(_);let H=++y;wn(()=>{if(!g)return f.set(!1);g.key!==k&&i.set(n.get(k=g.key)),!o.signedOut()&&dt(g,H)})}),l(bo).onDestroy(()=>{y++,clearTimeout(_)});let G=()=>C.update(g=>g+1),$=g=>{i.set(g),k&&n.set(k,g)};async function W(g,H){let R=wn(i);y++,clearTimeout(_),R!==void 0&&$(g(R));try{await H()}catch(ut){throw R!==void 0&&$(R),ut}finally{G()}}return{value:i,problem:d,loading:f,refetch:G,set:$,updateOptimistically:W}}function st(r){return r.buttons===0||r.detail===0}function at(r){let e=r.touches&&r.touches[0]||r.changedTouches&&r.changedTouches[0];return!!e&&e.identifier===-1&&(e.radiusX==null||e.radiusX===1)&&(e.radiusY==null||e.radiusY===1)}var Bn;function qo(){if(Bn==null){let r=typeof document<"u"?document.head:null;Bn=!!(r&&(r.createShadowRoot||r.attachShadow))}return Bn}function Un(r){if(qo()){let e=r.getRootNode?r.getRootNode():null;if(typeof ShadowRoot<"u"&&ShadowRoot&&e instanceof ShadowRoot)return e}return null}function Tr(){let r=typeof document<"u"&&document?document.activeElement:null;for(;r&&r.shadowRoot;){let e=r.shadowRoot.activeElement;if(e===r)break;r=e}return r}function D(r){return r.composedPath?r.composedPath()[0]:r.target}var qn;try{qn=typeof Intl<"u"&&Intl.v8BreakIterator}catch{qn=!1}var A=(()=>{class r{_platformId=l(yo);isBrowser=this._platformId?Eo(this._platformId):typeof document=="object"&&!!document;EDGE=this.isBrowser&&/(edge)/i.test(navigator.userAgent);TRIDENT=this.isBrowser&&/(msie|trident)/i.test(navigator.userAgent);BLINK=this.isBrowser&&!!(window.chrome||qn)&&typeof CSS<"u"&&!this.EDGE&&!this.TRIDENT;WEBKIT=this.isBrowser&&/AppleWebKit/i.test(navigator.userAgent)&&!this.BLINK&&!this.EDGE&&!this.TRIDENT;IOS=this.isBrowser&&/iPad|iPhone|iPod/.test(navigator.userAgent)&&!("MSStream"in window);FIREFOX=this.isBrowser&&/(firefox|minefield)/i.test(navigator.userAgent);ANDROID=this.isBrowser&&/android/i.test(navigator.userAgent)&&!this.TRIDENT;SAFARI=this.isBrowser&&/safari/i.test(navigator.userAgent)&&this.WEBKIT;constructor(){}static \u0275fac=function(n){return new(n||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})}return r})();var pt;function No(){if(pt==null&&typeof window<"u")try{window.addEventListener("test",null,Object.defineProperty({},"passive",{get:()=>pt=!0}))}finally{pt=pt||!1}return pt}function tt(r){return No()?r:!!r.capture}function Sr(r,e=0){return Jo(r)?Number(r):arguments.length===2?e:0}function Jo(r){return!isNaN(parseFloat(r))&&!isNaN(Number(r))}function F(r){return r instanceof B?r.nativeElement:r}var zo=new w("cdk-input-modality-detector-options"),Ko={ignoreKeys:[18,17,224,91,16]},Go=650,Nn={passive:!0,capture:!0},Wo=(()=>{class r{_platform=l(A);_listenerCleanups;modalityDetected;modalityChanged;get mostRecentModality(){return this._modality.value}_mostRecentTarget=null;_modality=new oo(null);_options;_lastTouchMs=0;_onKeydown=t=>{this._options?.ignoreKeys?.some(n=>n===t.keyCode)||(this._modality.next("keyboard"),this._mostRecentTarget=D(t))};_onMousedown=t=>{Date.now()-this._lastTouchMs<Go||(this._modality.next(st(t)?"keyboard":"mouse"),this._mostRecentTarget=D(t))};_onTouchstart=t=>{if(at(t)){this._modality.next("keyboard");return}this._lastTouchMs=Date.now(),this._modality.next("touch"),this._mostRecentTarget=D(t)};constructor(){let t=l(T),n=l(O),o=l(zo,{optional:!0});if(this._options=j(j({},Ko),o),this.modalityDetected=this._modality.pipe(ft(1)),this.modalityChanged=this.modalityDetected.pipe(mo()),this._platform.isBrowser){let i=l(ht).createRenderer(null,null);this._listenerCleanups=t.runOutsideAngular(()=>[i.listen(n,"keydown",this._onKeydown,Nn),i.listen(n,"mousedown",this._onMousedown,Nn),i.listen(n,"touchstart",this._onTouchstart,Nn)])}}ngOnDestroy(){this._modality.complete(),this._listenerCleanups?.forEach(t=>t())}static \u0275fac=function(n){return new(n||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})}return r})(),mt=(function(r){return r[r.IMMEDIATE=0]="IMMEDIATE",r[r.EVENTUAL=1]="EVENTUAL",r})(mt||{}),Zo=new w("cdk-focus-monitor-default-options"),gn=tt({passive:!0,capture:!0}),Jn=(()=>{class r{_ngZone=l(T);_platform=l(A);_inputModalityDetector=l(Wo);_origin=null;_lastFocusOrigin=null;_windowFocused=!1;_windowFocusTimeoutId;_originTimeoutId;_originFromTouchInteraction=!1;_elementInfo=new Map;_monitoredElementCount=0;_rootNodeFocusListenerCount=new Map;_detectionMode;_windowFocusListener=()=>{this._windowFocused=!0,this._windowFocusTimeoutId=setTimeout(()=>this._windowFocused=!1)};_document=l(O);_stopInputModalityDetector=new nt;constructor(){let t=l(Zo,{optional:!0});this._detectionMode=t?.detectionMode||mt.IMMEDIATE}_rootNodeFocusAndBlurListener=t=>{let n=D(t);for(let o=n;o;o=o.parentElement)t.type==="focus"?this._onFocus(t,o):this._onBlur(t,o)};monitor(t,n=!1){let o=F(t);if(!this._platform.isBrowser||o.nodeType!==1)return ro();let i=Un(o)||this._document,d=this._elementInfo.get(o);if(d)return n&&(d.checkChildren=!0),d.subject;let f={checkChildren:n,subject:new nt,rootNode:i};return this._elementInfo.set(o,f),this._registerGlobalListeners(f),f.subject}stopMonitoring(t){let n=F(t),o=this._elementInfo.get(n);o&&(o.subject.complete(),this._setClasses(n),this._elementInfo.delete(n),this._removeGlobalListeners(o))}focusVia(t,n,o){let i=F(t),d=this._document.activeElement;i===d?this._getClosestElementsInfo(i).forEach(([f,C])=>this._originChanged(f,n,C)):(this._setOrigin(n),typeof i.focus=="function"&&i.focus(o))}ngOnDestroy(){this._elementInfo.forEach((t,n)=>this.stopMonitoring(n))}_getWindow(){return this._document.defaultView||window}_getFocusOrigin(t){return this._origin?this._originFromTouchInteraction?this._shouldBeAttributedToTouch(t)?"touch":"program":this._origin:this._windowFocused&&this._lastFocusOrigin?this._lastFocusOrigin:t&&this._isLastInteractionFromInputLabel(t)?"mouse":"program"}_shouldBeAttributedToTouch(t){return this._detectionMode===mt.EVENTUAL||!!t?.contains(this._inputModalityDetector._mostRecentTarget)}_setClasses(t,n){t.classList.toggle("cdk-focused",!!n),t.classList.toggle("cdk-touch-focused",n==="touch"),t.classList.toggle("cdk-keyboard-focused",n==="keyboard"),t.classList.toggle("cdk-mouse-focused",n==="mouse"),t.classList.toggle("cdk-program-focused",n==="program")}_setOrigin(t,n=!1){this._ngZone.runOutsideAngular(()=>{if(this._origin=t,this._originFromTouchInteraction=t==="touch"&&n,this._detectionMode===mt.IMMEDIATE){clearTimeout(this._originTimeoutId);let o=this._originFromTouchInteraction?Go:1;this._originTimeoutId=setTimeout(()=>this._origin=null,o)}})}_onFocus(t,n){let o=this._elementInfo.get(n),i=D(t);!o||!o.checkChildren&&n!==i||this._originChanged(n,this._getFocusOrigin(i),o)}_onBlur(t,n){let o=this._elementInfo.get(n);!o||o.checkChildren&&t.relatedTarget instanceof Node&&n.contains(t.relatedTarget)||(this._setClasses(n),this._emitOrigin(o,null))}_emitOrigin(t,n){t.subject.observers.length&&this._ngZone.run(()=>t.subject.next(n))}_registerGlobalListeners(t){if(!this._platform.isBrowser)return;let n=t.rootNode,o=this._rootNodeFocusListenerCount.get(n)||0;o||this._ngZone.runOutsideAngular(()=>{n.addEventListener("focus",this._rootNodeFocusAndBlurListener,gn),n.addEventListener("blur",this._rootNodeFocusAndBlurListener,gn)}),this._rootNodeFocusListenerCount.set(n,o+1),++this._monitoredElementCount===1&&(this._ngZone.runOutsideAngular(()=>{this._getWindow().addEventListener("focus",this._windowFocusListener)}),this._inputModalityDetector.modalityDetected.pipe(bt(this._stopInputModalityDetector)).subscribe(i=>{this._setOrigin(i,!0)}))}_removeGlobalListeners(t){let n=t.rootNode;if(this._rootNodeFocusListenerCount.has(n)){let o=this._rootNodeFocusListenerCount.get(n);o>1?this._rootNodeFocusListenerCount.set(n,o-1):(n.removeEventListener("focus",this._rootNodeFocusAndBlurListener,gn),n.removeEventListener("blur",this._rootNodeFocusAndBlurListener,gn),this._rootNodeFocusListenerCount.delete(n))}--this._monitoredElementCount||(this._getWindow().removeEventListener("focus",this._windowFocusListener),this._stopInputModalityDetector.next(),clearTimeout(this._windowFocusTimeoutId),clearTimeout(this._originTimeoutId))}_originChanged(t,n,o){this._setClasses(t,n),this._emitOrigin(o,n),this._lastFocusOrigin=n}_getClosestElementsInfo(t){let n=[];return this._elementInfo.forEach((o,i)=>{(i===t||o.checkChildren&&i.contains(t))&&n.push([i,o])}),n}_isLastInteractionFromInputLabel(t){let{_mostRecentTarget:n,mostRecentModality:o}=this._inputModalityDetector;if(o!=="mouse"||!n||n===t||t.nodeName!=="INPUT"&&t.nodeName!=="TEXTAREA"||t.disabled)return!1;let i=t.labels;if(i){for(let d=0;d<i.length;d++)if(i[d].contains(n))return!0}return!1}static \u0275fac=function(n){return new(n||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})}return r})();var yn=new WeakMap,N=(()=>{class r{_appRef;_injector=l(V);_environmentInjector=l(lo);load(t){let n=this._appRef=this._appRef||this._injector.get(Co),o=yn.get(n);o||(o={loaders:new Set,refs:[]},yn.set(n,o),n.onDestroy(()=>{yn.get(n)?.refs.forEach(i=>i.destroy()),yn.delete(n)})),o.loaders.has(t)||(o.loaders.add(t),o.refs.push(Mo(t,{environmentInjector:this._environmentInjector})))}static \u0275fac=function(n){return new(n||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})}return r})();var Yo=(()=>{class r{static \u0275fac=function(n){return new(n||r)};static \u0275cmp=M({type:r,selectors:[["ng-component"]],exportAs:["cdkVisuallyHidden"],decls:0,vars:0,template:function(n,o){},styles:[`.cdk-visually-hidden {
  border: 0;
  clip: rect(0 0 0 0);
  height: 1px;
  margin: -1px;
  overflow: hidden;
  padding: 0;
  position: absolute;
  width: 1px;
  white-space: nowrap;
  outline: 0;
  -webkit-appearance: none;
  -moz-appearance: none;
  left: 0;
}
[dir=rtl] .cdk-visually-hidden {
  left: auto;
  right: 0;
}
`],encapsulation:2,changeDetection:0})}return r})(),vn;function Mr(){if(vn===void 0&&(vn=null,typeof window<"u")){let r=window;r.trustedTypes!==void 0&&(vn=r.trustedTypes.createPolicy("angular#components",{createHTML:e=>e}))}return vn}function Er(r){return Mr()?.createHTML(r)||r}function Qo(r,e,t){let n=t.sanitize(uo.HTML,e);r.innerHTML=Er(n||"")}function zn(r){return Array.isArray(r)?r:[r]}var Xo=new Set,J,Hn=(()=>{class r{_platform=l(A);_nonce=l(Ho,{optional:!0});_matchMedia;constructor(){this._matchMedia=this._platform.isBrowser&&window.matchMedia?window.matchMedia.bind(window):Dr}matchMedia(t){return(this._platform.WEBKIT||this._platform.BLINK)&&$r(t,this._nonce),this._matchMedia(t)}static \u0275fac=function(n){return new(n||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})}return r})();function $r(r,e){if(!Xo.has(r))try{J||(J=document.createElement("style"),e&&J.setAttribute("nonce",e),J.setAttribute("type","text/css"),document.head.appendChild(J)),J.sheet&&(J.sheet.insertRule(`@media ${r} {body{ }}`,0),Xo.add(r))}catch(t){console.error(t)}}function Dr(r){return{matches:r==="all"||r==="",media:r,addListener:()=>{},removeListener:()=>{}}}var Ar=(()=>{class r{_mediaMatcher=l(Hn);_zone=l(T);_queries=new Map;_destroySubject=new nt;constructor(){}ngOnDestroy(){this._destroySubject.next(),this._destroySubject.complete()}isMatched(t){return tr(zn(t)).some(o=>this._registerQuery(o).mql.matches)}observe(t){let o=tr(zn(t)).map(d=>this._registerQuery(d).observable),i=io(o);return i=so(i.pipe(po(1)),i.pipe(ft(1),ao(0))),i.pipe(s(d=>{let f={matches:!1,breakpoints:{}};return d.forEach(({matches:C,query:_})=>{f.matches=f.matches||C,f.breakpoints[_]=C}),f}))}_registerQuery(t){if(this._queries.has(t))return this._queries.get(t);let n=this._mediaMatcher.matchMedia(t),i={observable:new no(d=>{let f=C=>this._zone.run(()=>d.next(C));return n.addListener(f),()=>{n.removeListener(f)}}).pipe(co(n),s(({matches:d})=>({query:t,matches:d})),bt(this._destroySubject)),mql:n};return this._queries.set(t,i),i}static \u0275fac=function(n){return new(n||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})}return r})();function tr(r){return r.map(e=>e.split(",")).reduce((e,t)=>e.concat(t)).map(e=>e.trim())}var jr=(()=>{class r{create(t){return typeof MutationObserver>"u"?null:new MutationObserver(t)}static \u0275fac=function(n){return new(n||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})}return r})();var xH=(()=>{class r{static \u0275fac=function(n){return new(n||r)};static \u0275mod=Y({type:r});static \u0275inj=Z({providers:[jr]})}return r})();var Or=(()=>{class r{_platform=l(A);constructor(){}isDisabled(t){return t.hasAttribute("disabled")}isVisible(t){return Ir(t)&&getComputedStyle(t).visibility==="visible"}isTabbable(t){if(!this._platform.isBrowser)return!1;let n=Lr(Jr(t));if(n&&(er(n)===-1||!this.isVisible(n)))return!1;let o=t.nodeName.toLowerCase(),i=er(t);return t.hasAttribute("contenteditable")?i!==-1:o==="iframe"||o==="object"||this._platform.WEBKIT&&this._platform.IOS&&!qr(t)?!1:o==="audio"?t.hasAttribute("controls")?i!==-1:!1:o==="video"?i===-1?!1:i!==null?!0:this._platform.FIREFOX||t.hasAttribute("controls"):t.tabIndex>=0}isFocusable(t,n){return Nr(t)&&!this.isDisabled(t)&&(n?.ignoreVisibility||this.isVisible(t))}static \u0275fac=function(n){return new(n||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})}return r})();function Lr(r){try{return r.frameElement}catch{return null}}function Ir(r){return!!(r.offsetWidth||r.offsetHeight||typeof r.getClientRects=="function"&&r.getClientRects().length)}function Fr(r){let e=r.nodeName.toLowerCase();return e==="input"||e==="select"||e==="button"||e==="textarea"}function kr(r){return Br(r)&&r.type=="hidden"}function Vr(r){return Ur(r)&&r.hasAttribute("href")}function Br(r){return r.nodeName.toLowerCase()=="input"}function Ur(r){return r.nodeName.toLowerCase()=="a"}function nr(r){if(!r.hasAttribute("tabindex")||r.tabIndex===void 0)return!1;let e=r.getAttribute("tabindex");return!!(e&&!isNaN(parseInt(e,10)))}function er(r){if(!nr(r))return null;let e=parseInt(r.getAttribute("tabindex")||"",10);return isNaN(e)?-1:e}function qr(r){let e=r.nodeName.toLowerCase(),t=e==="input"&&r.type;return t==="text"||t==="password"||e==="select"||e==="textarea"}function Nr(r){return kr(r)?!1:Fr(r)||Vr(r)||r.hasAttribute("contenteditable")||nr(r)}function Jr(r){return r.ownerDocument&&r.ownerDocument.defaultView||window}var Kn=class{_element;_checker;_ngZone;_document;_injector;_startAnchor=null;_endAnchor=null;_hasAttached=!1;startAnchorListener=()=>this.focusLastTabbableElement();endAnchorListener=()=>this.focusFirstTabbableElement();get enabled(){return this._enabled}set enabled(e){this._enabled=e,this._startAnchor&&this._endAnchor&&(this._toggleAnchorTabIndex(e,this._startAnchor),this._toggleAnchorTabIndex(e,this._endAnchor))}_enabled=!0;constructor(e,t,n,o,i=!1,d){this._element=e,this._checker=t,this._ngZone=n,this._document=o,this._injector=d,i||this.attachAnchors()}destroy(){let e=this._startAnchor,t=this._endAnchor;e&&(e.removeEventListener("focus",this.startAnchorListener),e.remove()),t&&(t.removeEventListener("focus",this.endAnchorListener),t.remove()),this._startAnchor=this._endAnchor=null,this._hasAttached=!1}attachAnchors(){return this._hasAttached?!0:(this._ngZone.runOutsideAngular(()=>{this._startAnchor||(this._startAnchor=this._createAnchor(),this._startAnchor.addEventListener("focus",this.startAnchorListener)),this._endAnchor||(this._endAnchor=this._createAnchor(),this._endAnchor.addEventListener("focus",this.endAnchorListener))}),this._element.parentNode&&(this._element.parentNode.insertBefore(this._startAnchor,this._element),this._element.parentNode.insertBefore(this._endAnchor,this._element.nextSibling),this._hasAttached=!0),this._hasAttached)}focusInitialElementWhenReady(e){return new Promise(t=>{this._executeOnStable(()=>t(this.focusInitialElement(e)))})}focusFirstTabbableElementWhenReady(e){return new Promise(t=>{this._executeOnStable(()=>t(this.focusFirstTabbableElement(e)))})}focusLastTabbableElementWhenReady(e){return new Promise(t=>{this._executeOnStable(()=>t(this.focusLastTabbableElement(e)))})}_getRegionBoundary(e){let t=this._element.querySelectorAll(`[cdk-focus-region-${e}], [cdkFocusRegion${e}], [cdk-focus-${e}]`);return e=="start"?t.length?t[0]:this._getFirstTabbableElement(this._element):t.length?t[t.length-1]:this._getLastTabbableElement(this._element)}focusInitialElement(e){let t=this._element.querySelector("[cdk-focus-initial], [cdkFocusInitial]");if(t){if(!this._checker.isFocusable(t)){let n=this._getFirstTabbableElement(t);return n?.focus(e),!!n}return t.focus(e),!0}return this.focusFirstTabbableElement(e)}focusFirstTabbableElement(e){let t=this._getRegionBoundary("start");return t&&t.focus(e),!!t}focusLastTabbableElement(e){let t=this._getRegionBoundary("end");return t&&t.focus(e),!!t}hasAttached(){return this._hasAttached}_getFirstTabbableElement(e){if(this._checker.isFocusable(e)&&this._checker.isTabbable(e))return e;let t=e.children;for(let n=0;n<t.length;n++){let o=t[n].nodeType===this._document.ELEMENT_NODE?this._getFirstTabbableElement(t[n]):null;if(o)return o}return null}_getLastTabbableElement(e){if(this._checker.isFocusable(e)&&this._checker.isTabbable(e))return e;let t=e.children;for(let n=t.length-1;n>=0;n--){let o=t[n].nodeType===this._document.ELEMENT_NODE?this._getLastTabbableElement(t[n]):null;if(o)return o}return null}_createAnchor(){let e=this._document.createElement("div");return this._toggleAnchorTabIndex(this._enabled,e),e.classList.add("cdk-visually-hidden"),e.classList.add("cdk-focus-trap-anchor"),e.setAttribute("aria-hidden","true"),e}_toggleAnchorTabIndex(e,t){e?t.setAttribute("tabindex","0"):t.removeAttribute("tabindex")}toggleAnchors(e){this._startAnchor&&this._endAnchor&&(this._toggleAnchorTabIndex(e,this._startAnchor),this._toggleAnchorTabIndex(e,this._endAnchor))}_executeOnStable(e){this._injector?Po(e,{injector:this._injector}):setTimeout(e)}},zr=(()=>{class r{_checker=l(Or);_ngZone=l(T);_document=l(O);_injector=l(V);constructor(){l(N).load(Yo)}create(t,n=!1){return new Kn(t,this._checker,this._ngZone,this._document,n,this._injector)}static \u0275fac=function(n){return new(n||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})}return r})();var or=new w("liveAnnouncerElement",{providedIn:"root",factory:()=>null}),rr=new w("LIVE_ANNOUNCER_DEFAULT_OPTIONS"),Kr=0,Gr=(()=>{class r{_ngZone=l(T);_defaultOptions=l(rr,{optional:!0});_liveElement;_document=l(O);_sanitizer=l(Oo);_previousTimeout;_currentPromise;_currentResolve;constructor(){let t=l(or,{optional:!0});this._liveElement=t||this._createLiveElement()}announce(t,...n){let o=this._defaultOptions,i,d;return n.length===1&&typeof n[0]=="number"?d=n[0]:[i,d]=n,this.clear(),clearTimeout(this._previousTimeout),i||(i=o&&o.politeness?o.politeness:"polite"),d==null&&o&&(d=o.duration),this._liveElement.setAttribute("aria-live",i),this._liveElement.id&&this._exposeAnnouncerToModals(this._liveElement.id),this._ngZone.runOutsideAngular(()=>(this._currentPromise||(this._currentPromise=new Promise(f=>this._currentResolve=f)),clearTimeout(this._previousTimeout),this._previousTimeout=setTimeout(()=>{!t||typeof t=="string"?this._liveElement.textContent=t:Qo(this._liveElement,t,this._sanitizer),typeof d=="number"&&(this._previousTimeout=setTimeout(()=>this.clear(),d)),this._currentResolve?.(),this._currentPromise=this._currentResolve=void 0},100),this._currentPromise))}clear(){this._liveElement&&(this._liveElement.textContent="")}ngOnDestroy(){clearTimeout(this._previousTimeout),this._liveElement?.remove(),this._liveElement=null,this._currentResolve?.(),this._currentPromise=this._currentResolve=void 0}_createLiveElement(){let t="cdk-live-announcer-element",n=this._document.getElementsByClassName(t),o=this._document.createElement("div");for(let i=0;i<n.length;i++)n[i].remove();return o.classList.add(t),o.classList.add("cdk-visually-hidden"),o.setAttribute("aria-atomic","true"),o.setAttribute("aria-live","polite"),o.id=`cdk-live-announcer-${Kr++}`,this._document.body.appendChild(o),o}_exposeAnnouncerToModals(t){let n=this._document.querySelectorAll('body > .cdk-overlay-container [aria-modal="true"]');for(let o=0;o<n.length;o++){let i=n[o],d=i.getAttribute("aria-owns");d?d.indexOf(t)===-1&&i.setAttribute("aria-owns",d+" "+t):i.setAttribute("aria-owns",t)}}static \u0275fac=function(n){return new(n||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})}return r})();function LH(r,...e){return e.length?e.some(t=>r[t]):r.altKey||r.shiftKey||r.ctrlKey||r.metaKey}var Gn={},Wn=class r{_appId=l(go);static _infix=`a${Math.floor(Math.random()*1e5).toString()}`;getId(e,t=!1){return this._appId!=="ng"&&(e+=this._appId),Gn.hasOwnProperty(e)||(Gn[e]=0),`${e}${t?r._infix+"-":""}${Gn[e]++}`}static \u0275fac=function(t){return new(t||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})};var ct=(function(r){return r[r.NORMAL=0]="NORMAL",r[r.NEGATED=1]="NEGATED",r[r.INVERTED=2]="INVERTED",r})(ct||{}),Rn,z;function XH(){if(z==null){if(typeof document!="object"||!document||typeof Element!="function"||!Element)return z=!1,z;if(document.documentElement?.style&&"scrollBehavior"in document.documentElement.style)z=!0;else{let r=Element.prototype.scrollTo;r?z=!/\{\s*\[native code\]\s*\}/.test(r.toString()):z=!1}}return z}function tR(){if(typeof document!="object"||!document)return ct.NORMAL;if(Rn==null){let r=document.createElement("div"),e=r.style;r.dir="rtl",e.width="1px",e.overflow="auto",e.visibility="hidden",e.pointerEvents="none",e.position="absolute";let t=document.createElement("div"),n=t.style;n.width="2px",n.height="1px",r.appendChild(t),document.body.appendChild(r),Rn=ct.NORMAL,r.scrollLeft===0&&(r.scrollLeft=1,Rn=r.scrollLeft===0?ct.NEGATED:ct.INVERTED),r.remove()}return Rn}function nR(){return typeof __karma__<"u"&&!!__karma__||typeof jasmine<"u"&&!!jasmine||typeof jest<"u"&&!!jest||typeof Mocha<"u"&&!!Mocha}var et,ir=["color","button","checkbox","date","datetime-local","email","file","hidden","image","month","number","password","radio","range","reset","search","submit","tel","text","time","url","week"];function rR(){if(et)return et;if(typeof document!="object"||!document)return et=new Set(ir),et;let r=document.createElement("input");return et=new Set(ir.filter(e=>(r.setAttribute("type",e),r.type===e))),et}var mR={XSmall:"(max-width: 599.98px)",Small:"(min-width: 600px) and (max-width: 959.98px)",Medium:"(min-width: 960px) and (max-width: 1279.98px)",Large:"(min-width: 1280px) and (max-width: 1919.98px)",XLarge:"(min-width: 1920px)",Handset:"(max-width: 599.98px) and (orientation: portrait), (max-width: 959.98px) and (orientation: landscape)",Tablet:"(min-width: 600px) and (max-width: 839.98px) and (orientation: portrait), (min-width: 960px) and (max-width: 1279.98px) and (orientation: landscape)",Web:"(min-width: 840px) and (orientation: portrait), (min-width: 1280px) and (orientation: landscape)",HandsetPortrait:"(max-width: 599.98px) and (orientation: portrait)",TabletPortrait:"(min-width: 600px) and (max-width: 839.98px) and (orientation: portrait)",WebPortrait:"(min-width: 840px) and (orientation: portrait)",HandsetLandscape:"(max-width: 959.98px) and (orientation: landscape)",TabletLandscape:"(min-width: 960px) and (max-width: 1279.98px) and (orientation: landscape)",WebLandscape:"(min-width: 1280px) and (orientation: landscape)"};var Wr=new w("MATERIAL_ANIMATIONS"),sr=null;function Zr(){return l(Wr,{optional:!0})?.animationsDisabled||l(vo,{optional:!0})==="NoopAnimations"?"di-disabled":(sr??=l(Hn).matchMedia("(prefers-reduced-motion)").matches,sr?"reduced-motion":"enabled")}function Pn(){return Zr()!=="enabled"}function bR(r){return r==null?"":typeof r=="string"?r:`${r}px`}function gR(r){return r!=null&&`${r}`!="false"}var E=(function(r){return r[r.FADING_IN=0]="FADING_IN",r[r.VISIBLE=1]="VISIBLE",r[r.FADING_OUT=2]="FADING_OUT",r[r.HIDDEN=3]="HIDDEN",r})(E||{}),Zn=class{_renderer;element;config;_animationForciblyDisabledThroughCss;state=E.HIDDEN;constructor(e,t,n,o=!1){this._renderer=e,this.element=t,this.config=n,this._animationForciblyDisabledThroughCss=o}fadeOut(){this._renderer.fadeOutRipple(this)}},ar=tt({passive:!0,capture:!0}),Yn=class{_events=new Map;addHandler(e,t,n,o){let i=this._events.get(t);if(i){let d=i.get(n);d?d.add(o):i.set(n,new Set([o]))}else this._events.set(t,new Map([[n,new Set([o])]])),e.runOutsideAngular(()=>{document.addEventListener(t,this._delegateEventHandler,ar)})}removeHandler(e,t,n){let o=this._events.get(e);if(!o)return;let i=o.get(t);i&&(i.delete(n),i.size===0&&o.delete(t),o.size===0&&(this._events.delete(e),document.removeEventListener(e,this._delegateEventHandler,ar)))}_delegateEventHandler=e=>{let t=D(e);t&&this._events.get(e.type)?.forEach((n,o)=>{(o===t||o.contains(t))&&n.forEach(i=>i.handleEvent(e))})}},lt={enterDuration:225,exitDuration:150},Yr=800,pr=tt({passive:!0,capture:!0}),mr=["mousedown","touchstart"],cr=["mouseup","mouseleave","touchend","touchcancel"],Qr=(()=>{class r{static \u0275fac=function(n){return new(n||r)};static \u0275cmp=M({type:r,selectors:[["ng-component"]],hostAttrs:["mat-ripple-style-loader",""],decls:0,vars:0,template:function(n,o){},styles:[`.mat-ripple {
  overflow: hidden;
  position: relative;
}
.mat-ripple:not(:empty) {
  transform: translateZ(0);
}

.mat-ripple.mat-ripple-unbounded {
  overflow: visible;
}

.mat-ripple-element {
  position: absolute;
  border-radius: 50%;
  pointer-events: none;
  transition: opacity, transform 0ms cubic-bezier(0, 0, 0.2, 1);
  transform: scale3d(0, 0, 0);
  background-color: var(--mat-ripple-color, color-mix(in srgb, var(--mat-sys-on-surface) 10%, transparent));
}
@media (forced-colors: active) {
  .mat-ripple-element {
    display: none;
  }
}
.cdk-drag-preview .mat-ripple-element, .cdk-drag-placeholder .mat-ripple-element {
  display: none;
}
`],encapsulation:2,changeDetection:0})}return r})(),xn=class r{_target;_ngZone;_platform;_containerElement;_triggerElement=null;_isPointerDown=!1;_activeRipples=new Map;_mostRecentTransientRipple=null;_lastTouchStartEvent;_pointerUpEventsRegistered=!1;_containerRect=null;static _eventManager=new Yn;constructor(e,t,n,o,i){this._target=e,this._ngZone=t,this._platform=o,o.isBrowser&&(this._containerElement=F(n)),i&&i.get(N).load(Qr)}fadeInRipple(e,t,n={}){let o=this._containerRect=this._containerRect||this._containerElement.getBoundingClientRect(),i=j(j({},lt),n.animation);n.centered&&(e=o.left+o.width/2,t=o.top+o.height/2);let d=n.radius||Xr(e,t,o),f=e-o.left,C=t-o.top,_=i.enterDuration,y=document.createElement("div");y.classList.add("mat-ripple-element"),y.style.left=`${f-d}px`,y.style.top=`${C-d}px`,y.style.height=`${d*2}px`,y.style.width=`${d*2}px`,n.color!=null&&(y.style.backgroundColor=n.color),y.style.transitionDuration=`${_}ms`,this._containerElement.appendChild(y);let k=window.getComputedStyle(y),dt=k.transitionProperty,K=k.transitionDuration,G=dt==="none"||K==="0s"||K==="0s, 0s"||o.width===0&&o.height===0,$=new Zn(this,y,n,G);y.style.transform="scale3d(1, 1, 1)",$.state=E.FADING_IN,n.persistent||(this._mostRecentTransientRipple=$);let W=null;return!G&&(_||i.exitDuration)&&this._ngZone.runOutsideAngular(()=>{let g=()=>{W&&(W.fallbackTimer=null),clearTimeout(R),this._finishRippleTransition($)},H=()=>this._destroyRipple($),R=setTimeout(H,_+100);y.addEventListener("transitionend",g),y.addEventListener("transitioncancel",H),W={onTransitionEnd:g,onTransitionCancel:H,fallbackTimer:R}}),this._activeRipples.set($,W),(G||!_)&&this._finishRippleTransition($),$}fadeOutRipple(e){if(e.state===E.FADING_OUT||e.state===E.HIDDEN)return;let t=e.element,n=j(j({},lt),e.config.animation);t.style.transitionDuration=`${n.exitDuration}ms`,t.style.opacity="0",e.state=E.FADING_OUT,(e._animationForciblyDisabledThroughCss||!n.exitDuration)&&this._finishRippleTransition(e)}fadeOutAll(){this._getActiveRipples().forEach(e=>e.fadeOut())}fadeOutAllNonPersistent(){this._getActiveRipples().forEach(e=>{e.config.persistent||e.fadeOut()})}setupTriggerEvents(e){let t=F(e);!this._platform.isBrowser||!t||t===this._triggerElement||(this._removeTriggerEvents(),this._triggerElement=t,mr.forEach(n=>{r._eventManager.addHandler(this._ngZone,n,t,this)}))}handleEvent(e){e.type==="mousedown"?this._onMousedown(e):e.type==="touchstart"?this._onTouchStart(e):this._onPointerUp(),this._pointerUpEventsRegistered||(this._ngZone.runOutsideAngular(()=>{cr.forEach(t=>{this._triggerElement.addEventListener(t,this,pr)})}),this._pointerUpEventsRegistered=!0)}_finishRippleTransition(e){e.state===E.FADING_IN?this._startFadeOutTransition(e):e.state===E.FADING_OUT&&this._destroyRipple(e)}_startFadeOutTransition(e){let t=e===this._mostRecentTransientRipple,{persistent:n}=e.config;e.state=E.VISIBLE,!n&&(!t||!this._isPointerDown)&&e.fadeOut()}_destroyRipple(e){let t=this._activeRipples.get(e)??null;this._activeRipples.delete(e),this._activeRipples.size||(this._containerRect=null),e===this._mostRecentTransientRipple&&(this._mostRecentTransientRipple=null),e.state=E.HIDDEN,t!==null&&(e.element.removeEventListener("transitionend",t.onTransitionEnd),e.element.removeEventListener("transitioncancel",t.onTransitionCancel),t.fallbackTimer!==null&&clearTimeout(t.fallbackTimer)),e.element.remove()}_onMousedown(e){let t=st(e),n=this._lastTouchStartEvent&&Date.now()<this._lastTouchStartEvent+Yr;!this._target.rippleDisabled&&!t&&!n&&(this._isPointerDown=!0,this.fadeInRipple(e.clientX,e.clientY,this._target.rippleConfig))}_onTouchStart(e){if(!this._target.rippleDisabled&&!at(e)){this._lastTouchStartEvent=Date.now(),this._isPointerDown=!0;let t=e.changedTouches;if(t)for(let n=0;n<t.length;n++)this.fadeInRipple(t[n].clientX,t[n].clientY,this._target.rippleConfig)}}_onPointerUp(){this._isPointerDown&&(this._isPointerDown=!1,this._getActiveRipples().forEach(e=>{let t=e.state===E.VISIBLE||e.config.terminateOnPointerUp&&e.state===E.FADING_IN;!e.config.persistent&&t&&e.fadeOut()}))}_getActiveRipples(){return Array.from(this._activeRipples.keys())}_removeTriggerEvents(){let e=this._triggerElement;e&&(mr.forEach(t=>r._eventManager.removeHandler(t,e,this)),this._pointerUpEventsRegistered&&(cr.forEach(t=>e.removeEventListener(t,this,pr)),this._pointerUpEventsRegistered=!1))}};function Xr(r,e,t){let n=Math.max(Math.abs(r-t.left),Math.abs(r-t.right)),o=Math.max(Math.abs(e-t.top),Math.abs(e-t.bottom));return Math.sqrt(n*n+o*o)}var lr=new w("mat-ripple-global-options");var ti={capture:!0},ei=["focus","mousedown","mouseenter","touchstart"],Qn="mat-ripple-loader-uninitialized",Xn="mat-ripple-loader-class-name",dr="mat-ripple-loader-centered",Cn="mat-ripple-loader-disabled",ur=(()=>{class r{_document=l(O);_animationsDisabled=Pn();_globalRippleOptions=l(lr,{optional:!0});_platform=l(A);_ngZone=l(T);_injector=l(V);_eventCleanups;_hosts=new Map;constructor(){let t=l(ht).createRenderer(null,null);this._eventCleanups=this._ngZone.runOutsideAngular(()=>ei.map(n=>t.listen(this._document,n,this._onInteraction,ti)))}ngOnDestroy(){let t=this._hosts.keys();for(let n of t)this.destroyRipple(n);this._eventCleanups.forEach(n=>n())}configureRipple(t,n){t.setAttribute(Qn,this._globalRippleOptions?.namespace??""),(n.className||!t.hasAttribute(Xn))&&t.setAttribute(Xn,n.className||""),n.centered&&t.setAttribute(dr,""),n.disabled&&t.setAttribute(Cn,"")}setDisabled(t,n){let o=this._hosts.get(t);o?(o.target.rippleDisabled=n,!n&&!o.hasSetUpEvents&&(o.hasSetUpEvents=!0,o.renderer.setupTriggerEvents(t))):n?t.setAttribute(Cn,""):t.removeAttribute(Cn)}_onInteraction=t=>{let n=D(t);if(n instanceof HTMLElement){let o=n.closest(`[${Qn}="${this._globalRippleOptions?.namespace??""}"]`);o&&this._createRipple(o)}};_createRipple(t){if(!this._document||this._hosts.has(t))return;t.querySelector(".mat-ripple")?.remove();let n=this._document.createElement("span");n.classList.add("mat-ripple",t.getAttribute(Xn)),t.append(n);let o=this._globalRippleOptions,i=this._animationsDisabled?0:o?.animation?.enterDuration??lt.enterDuration,d=this._animationsDisabled?0:o?.animation?.exitDuration??lt.exitDuration,f={rippleDisabled:this._animationsDisabled||o?.disabled||t.hasAttribute(Cn),rippleConfig:{centered:t.hasAttribute(dr),terminateOnPointerUp:o?.terminateOnPointerUp,animation:{enterDuration:i,exitDuration:d}}},C=new xn(f,this._ngZone,n,this._platform,this._injector),_=!f.rippleDisabled;_&&C.setupTriggerEvents(t),this._hosts.set(t,{target:f,renderer:C,hasSetUpEvents:_}),t.removeAttribute(Qn)}destroyRipple(t){let n=this._hosts.get(t);n&&(n.renderer._removeTriggerEvents(),this._hosts.delete(t))}static \u0275fac=function(n){return new(n||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})}return r})();var fr=(()=>{class r{static \u0275fac=function(n){return new(n||r)};static \u0275cmp=M({type:r,selectors:[["structural-styles"]],decls:0,vars:0,template:function(n,o){},styles:[`.mat-focus-indicator {
  position: relative;
}
.mat-focus-indicator::before {
  top: 0;
  left: 0;
  right: 0;
  bottom: 0;
  position: absolute;
  box-sizing: border-box;
  pointer-events: none;
  display: var(--mat-focus-indicator-display, none);
  border-width: var(--mat-focus-indicator-border-width, 3px);
  border-style: var(--mat-focus-indicator-border-style, solid);
  border-color: var(--mat-focus-indicator-border-color, transparent);
  border-radius: var(--mat-focus-indicator-border-radius, 4px);
}
.mat-focus-indicator:focus-visible::before {
  content: "";
}

@media (forced-colors: active) {
  html {
    --mat-focus-indicator-display: block;
  }
}
`],encapsulation:2,changeDetection:0})}return r})();var ni=["mat-icon-button",""],oi=["*"],ri=new w("MAT_BUTTON_CONFIG");function br(r){return r==null?void 0:So(r)}var to=(()=>{class r{_elementRef=l(B);_ngZone=l(T);_animationsDisabled=Pn();_config=l(ri,{optional:!0});_focusMonitor=l(Jn);_cleanupClick;_renderer=l(xo);_rippleLoader=l(ur);_isAnchor;_isFab=!1;color;get disableRipple(){return this._disableRipple}set disableRipple(t){this._disableRipple=t,this._updateRippleDisabled()}_disableRipple=!1;get disabled(){return this._disabled}set disabled(t){this._disabled=t,this._updateRippleDisabled()}_disabled=!1;ariaDisabled;disabledInteractive;tabIndex;set _tabindex(t){this.tabIndex=t}constructor(){l(N).load(fr);let t=this._elementRef.nativeElement;this._isAnchor=t.tagName==="A",this.disabledInteractive=this._config?.disabledInteractive??!1,this.color=this._config?.color??null,this._rippleLoader?.configureRipple(t,{className:"mat-mdc-button-ripple"})}ngAfterViewInit(){this._focusMonitor.monitor(this._elementRef,!0),this._isAnchor&&this._setupAsAnchor()}ngOnDestroy(){this._cleanupClick?.(),this._focusMonitor.stopMonitoring(this._elementRef),this._rippleLoader?.destroyRipple(this._elementRef.nativeElement)}focus(t="program",n){t?this._focusMonitor.focusVia(this._elementRef.nativeElement,t,n):this._elementRef.nativeElement.focus(n)}_getAriaDisabled(){return this.ariaDisabled!=null?this.ariaDisabled:this._isAnchor?this.disabled||null:this.disabled&&this.disabledInteractive?!0:null}_getDisabledAttribute(){return this.disabledInteractive||!this.disabled?null:!0}_updateRippleDisabled(){this._rippleLoader?.setDisabled(this._elementRef.nativeElement,this.disableRipple||this.disabled)}_getTabIndex(){return this._isAnchor?this.disabled&&!this.disabledInteractive?-1:this.tabIndex:this.tabIndex}_setupAsAnchor(){this._cleanupClick=this._ngZone.runOutsideAngular(()=>this._renderer.listen(this._elementRef.nativeElement,"click",t=>{this.disabled&&(t.preventDefault(),t.stopImmediatePropagation())}))}static \u0275fac=function(n){return new(n||r)};static \u0275dir=U({type:r,hostAttrs:[1,"mat-mdc-button-base"],hostVars:13,hostBindings:function(n,o){n&2&&(ot("disabled",o._getDisabledAttribute())("aria-disabled",o._getAriaDisabled())("tabindex",o._getTabIndex()),_o(o.color?"mat-"+o.color:""),rt("mat-mdc-button-disabled",o.disabled)("mat-mdc-button-disabled-interactive",o.disabledInteractive)("mat-unthemed",!o.color)("_mat-animation-noopable",o._animationsDisabled))},inputs:{color:"color",disableRipple:[2,"disableRipple","disableRipple",X],disabled:[2,"disabled","disabled",X],ariaDisabled:[2,"aria-disabled","ariaDisabled",X],disabledInteractive:[2,"disabledInteractive","disabledInteractive",X],tabIndex:[2,"tabIndex","tabIndex",br],_tabindex:[2,"tabindex","_tabindex",br]}})}return r})(),ii=(()=>{class r extends to{constructor(){super(),this._rippleLoader.configureRipple(this._elementRef.nativeElement,{centered:!0})}static \u0275fac=function(n){return new(n||r)};static \u0275cmp=M({type:r,selectors:[["button","mat-icon-button",""],["a","mat-icon-button",""],["button","matIconButton",""],["a","matIconButton",""]],hostAttrs:[1,"mdc-icon-button","mat-mdc-icon-button"],exportAs:["matButton","matAnchor"],features:[gt],attrs:ni,ngContentSelectors:oi,decls:4,vars:0,consts:[[1,"mat-mdc-button-persistent-ripple","mdc-icon-button__ripple"],[1,"mat-focus-indicator"],[1,"mat-mdc-button-touch-target"]],template:function(n,o){n&1&&(Ht(),L(0,"span",0),Q(1),L(2,"span",1)(3,"span",2))},styles:[`.mat-mdc-icon-button {
  -webkit-user-select: none;
  user-select: none;
  display: inline-block;
  position: relative;
  box-sizing: border-box;
  border: none;
  outline: none;
  background-color: transparent;
  fill: currentColor;
  text-decoration: none;
  cursor: pointer;
  z-index: 0;
  overflow: visible;
  border-radius: var(--mat-icon-button-container-shape, var(--mat-sys-corner-full, 50%));
  flex-shrink: 0;
  text-align: center;
  width: var(--mat-icon-button-state-layer-size, 40px);
  height: var(--mat-icon-button-state-layer-size, 40px);
  padding: calc(calc(var(--mat-icon-button-state-layer-size, 40px) - var(--mat-icon-button-icon-size, 24px)) / 2);
  font-size: var(--mat-icon-button-icon-size, 24px);
  color: var(--mat-icon-button-icon-color, var(--mat-sys-on-surface-variant));
  -webkit-tap-highlight-color: transparent;
}
.mat-mdc-icon-button .mat-mdc-button-ripple,
.mat-mdc-icon-button .mat-mdc-button-persistent-ripple,
.mat-mdc-icon-button .mat-mdc-button-persistent-ripple::before {
  top: 0;
  left: 0;
  right: 0;
  bottom: 0;
  position: absolute;
  pointer-events: none;
  border-radius: inherit;
}
.mat-mdc-icon-button .mat-mdc-button-ripple {
  overflow: hidden;
}
.mat-mdc-icon-button .mat-mdc-button-persistent-ripple::before {
  content: "";
  opacity: 0;
}
.mat-mdc-icon-button .mdc-button__label,
.mat-mdc-icon-button .mat-icon {
  z-index: 1;
  position: relative;
}
.mat-mdc-icon-button .mat-focus-indicator {
  top: 0;
  left: 0;
  right: 0;
  bottom: 0;
  position: absolute;
  border-radius: inherit;
}
.mat-mdc-icon-button:focus-visible > .mat-focus-indicator::before {
  content: "";
  border-radius: inherit;
}
.mat-mdc-icon-button .mat-ripple-element {
  background-color: var(--mat-icon-button-ripple-color, color-mix(in srgb, var(--mat-sys-on-surface-variant) calc(var(--mat-sys-pressed-state-layer-opacity) * 100%), transparent));
}
.mat-mdc-icon-button .mat-mdc-button-persistent-ripple::before {
  background-color: var(--mat-icon-button-state-layer-color, var(--mat-sys-on-surface-variant));
}
.mat-mdc-icon-button.mat-mdc-button-disabled .mat-mdc-button-persistent-ripple::before {
  background-color: var(--mat-icon-button-disabled-state-layer-color, var(--mat-sys-on-surface-variant));
}
.mat-mdc-icon-button:hover > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-icon-button-hover-state-layer-opacity, var(--mat-sys-hover-state-layer-opacity));
}
.mat-mdc-icon-button.cdk-program-focused > .mat-mdc-button-persistent-ripple::before, .mat-mdc-icon-button.cdk-keyboard-focused > .mat-mdc-button-persistent-ripple::before, .mat-mdc-icon-button.mat-mdc-button-disabled-interactive:focus > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-icon-button-focus-state-layer-opacity, var(--mat-sys-focus-state-layer-opacity));
}
.mat-mdc-icon-button:active > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-icon-button-pressed-state-layer-opacity, var(--mat-sys-pressed-state-layer-opacity));
}
.mat-mdc-icon-button .mat-mdc-button-touch-target {
  position: absolute;
  top: 50%;
  height: var(--mat-icon-button-touch-target-size, 48px);
  display: var(--mat-icon-button-touch-target-display, block);
  left: 50%;
  width: var(--mat-icon-button-touch-target-size, 48px);
  transform: translate(-50%, -50%);
}
.mat-mdc-icon-button._mat-animation-noopable {
  transition: none !important;
  animation: none !important;
}
.mat-mdc-icon-button[disabled], .mat-mdc-icon-button.mat-mdc-button-disabled {
  cursor: default;
  pointer-events: none;
  color: var(--mat-icon-button-disabled-icon-color, color-mix(in srgb, var(--mat-sys-on-surface) 38%, transparent));
}
.mat-mdc-icon-button.mat-mdc-button-disabled-interactive {
  pointer-events: auto;
}
.mat-mdc-icon-button img,
.mat-mdc-icon-button svg {
  width: var(--mat-icon-button-icon-size, 24px);
  height: var(--mat-icon-button-icon-size, 24px);
  vertical-align: baseline;
}
.mat-mdc-icon-button .mat-mdc-button-persistent-ripple {
  border-radius: var(--mat-icon-button-container-shape, var(--mat-sys-corner-full, 50%));
}
.mat-mdc-icon-button[hidden] {
  display: none;
}
.mat-mdc-icon-button.mat-unthemed:not(.mdc-ripple-upgraded):focus::before, .mat-mdc-icon-button.mat-primary:not(.mdc-ripple-upgraded):focus::before, .mat-mdc-icon-button.mat-accent:not(.mdc-ripple-upgraded):focus::before, .mat-mdc-icon-button.mat-warn:not(.mdc-ripple-upgraded):focus::before {
  background: transparent;
  opacity: 1;
}
`,`@media (forced-colors: active) {
  .mat-mdc-button:not(.mdc-button--outlined),
  .mat-mdc-unelevated-button:not(.mdc-button--outlined),
  .mat-mdc-raised-button:not(.mdc-button--outlined),
  .mat-mdc-outlined-button:not(.mdc-button--outlined),
  .mat-mdc-button-base.mat-tonal-button,
  .mat-mdc-icon-button.mat-mdc-icon-button,
  .mat-mdc-outlined-button .mdc-button__ripple {
    outline: solid 1px;
  }
}
`],encapsulation:2,changeDetection:0})}return r})();var si=new w("cdk-dir-doc",{providedIn:"root",factory:()=>l(O)}),ai=/^(ar|ckb|dv|he|iw|fa|nqo|ps|sd|ug|ur|yi|.*[-_](Adlm|Arab|Hebr|Nkoo|Rohg|Thaa))(?!.*[-_](Latn|Cyrl)($|-|_))($|-|_)/i;function hr(r){let e=r?.toLowerCase()||"";return e==="auto"&&typeof navigator<"u"&&navigator?.language?ai.test(navigator.language)?"rtl":"ltr":e==="rtl"?"rtl":"ltr"}var pi=(()=>{class r{get value(){return this.valueSignal()}valueSignal=S("ltr");change=new _n;constructor(){let t=l(si,{optional:!0});if(t){let n=t.body?t.body.dir:null,o=t.documentElement?t.documentElement.dir:null;this.valueSignal.set(hr(n||o||"ltr"))}}ngOnDestroy(){this.change.complete()}static \u0275fac=function(n){return new(n||r)};static \u0275prov=u({token:r,factory:r.\u0275fac,providedIn:"root"})}return r})();var nP=(()=>{class r{static \u0275fac=function(n){return new(n||r)};static \u0275mod=Y({type:r});static \u0275inj=Z({})}return r})();var mi=["matButton",""],ci=[[["",8,"material-icons",3,"iconPositionEnd",""],["mat-icon",3,"iconPositionEnd",""],["","matButtonIcon","",3,"iconPositionEnd",""]],"*",[["","iconPositionEnd","",8,"material-icons"],["mat-icon","iconPositionEnd",""],["","matButtonIcon","","iconPositionEnd",""]]],li=[".material-icons:not([iconPositionEnd]), mat-icon:not([iconPositionEnd]), [matButtonIcon]:not([iconPositionEnd])","*",".material-icons[iconPositionEnd], mat-icon[iconPositionEnd], [matButtonIcon][iconPositionEnd]"];var gr=new Map([["text",["mat-mdc-button"]],["filled",["mdc-button--unelevated","mat-mdc-unelevated-button"]],["elevated",["mdc-button--raised","mat-mdc-raised-button"]],["outlined",["mdc-button--outlined","mat-mdc-outlined-button"]],["tonal",["mat-tonal-button"]]]),iP=(()=>{class r extends to{get appearance(){return this._appearance}set appearance(t){this.setAppearance(t||this._config?.defaultAppearance||"text")}_appearance=null;constructor(){super();let t=di(this._elementRef.nativeElement);t&&this.setAppearance(t)}setAppearance(t){if(t===this._appearance)return;let n=this._elementRef.nativeElement.classList,o=this._appearance?gr.get(this._appearance):null,i=gr.get(t);o&&n.remove(...o),n.add(...i),this._appearance=t}static \u0275fac=function(n){return new(n||r)};static \u0275cmp=M({type:r,selectors:[["button","matButton",""],["a","matButton",""],["button","mat-button",""],["button","mat-raised-button",""],["button","mat-flat-button",""],["button","mat-stroked-button",""],["a","mat-button",""],["a","mat-raised-button",""],["a","mat-flat-button",""],["a","mat-stroked-button",""]],hostAttrs:[1,"mdc-button"],inputs:{appearance:[0,"matButton","appearance"]},exportAs:["matButton","matAnchor"],features:[gt],attrs:mi,ngContentSelectors:li,decls:7,vars:4,consts:[[1,"mat-mdc-button-persistent-ripple"],[1,"mdc-button__label"],[1,"mat-focus-indicator"],[1,"mat-mdc-button-touch-target"]],template:function(n,o){n&1&&(Ht(ci),L(0,"span",0),Q(1),yt(2,"span",1),Q(3,1),vt(),Q(4,2),L(5,"span",2)(6,"span",3)),n&2&&rt("mdc-button__ripple",!o._isFab)("mdc-fab__ripple",o._isFab)},styles:[`.mat-mdc-button-base {
  text-decoration: none;
}
.mat-mdc-button-base .mat-icon {
  min-height: fit-content;
  flex-shrink: 0;
}
@media (hover: none) {
  .mat-mdc-button-base:hover > span.mat-mdc-button-persistent-ripple::before {
    opacity: 0;
  }
}

.mdc-button {
  -webkit-user-select: none;
  user-select: none;
  position: relative;
  display: inline-flex;
  align-items: center;
  justify-content: center;
  box-sizing: border-box;
  min-width: 64px;
  border: none;
  outline: none;
  line-height: inherit;
  -webkit-appearance: none;
  overflow: visible;
  vertical-align: middle;
  background: transparent;
  padding: 0 8px;
}
.mdc-button::-moz-focus-inner {
  padding: 0;
  border: 0;
}
.mdc-button:active {
  outline: none;
}
.mdc-button:hover {
  cursor: pointer;
}
.mdc-button:disabled {
  cursor: default;
  pointer-events: none;
}
.mdc-button[hidden] {
  display: none;
}
.mdc-button .mdc-button__label {
  position: relative;
}

.mat-mdc-button {
  padding: 0 var(--mat-button-text-horizontal-padding, 12px);
  height: var(--mat-button-text-container-height, 40px);
  font-family: var(--mat-button-text-label-text-font, var(--mat-sys-label-large-font));
  font-size: var(--mat-button-text-label-text-size, var(--mat-sys-label-large-size));
  letter-spacing: var(--mat-button-text-label-text-tracking, var(--mat-sys-label-large-tracking));
  text-transform: var(--mat-button-text-label-text-transform);
  font-weight: var(--mat-button-text-label-text-weight, var(--mat-sys-label-large-weight));
}
.mat-mdc-button, .mat-mdc-button .mdc-button__ripple {
  border-radius: var(--mat-button-text-container-shape, var(--mat-sys-corner-full));
}
.mat-mdc-button:not(:disabled) {
  color: var(--mat-button-text-label-text-color, var(--mat-sys-primary));
}
.mat-mdc-button[disabled], .mat-mdc-button.mat-mdc-button-disabled {
  cursor: default;
  pointer-events: none;
  color: var(--mat-button-text-disabled-label-text-color, color-mix(in srgb, var(--mat-sys-on-surface) 38%, transparent));
}
.mat-mdc-button.mat-mdc-button-disabled-interactive {
  pointer-events: auto;
}
.mat-mdc-button:has(.material-icons, mat-icon, [matButtonIcon]) {
  padding: 0 var(--mat-button-text-with-icon-horizontal-padding, 16px);
}
.mat-mdc-button > .mat-icon {
  margin-right: var(--mat-button-text-icon-spacing, 8px);
  margin-left: var(--mat-button-text-icon-offset, -4px);
}
[dir=rtl] .mat-mdc-button > .mat-icon {
  margin-right: var(--mat-button-text-icon-offset, -4px);
  margin-left: var(--mat-button-text-icon-spacing, 8px);
}
.mat-mdc-button .mdc-button__label + .mat-icon {
  margin-right: var(--mat-button-text-icon-offset, -4px);
  margin-left: var(--mat-button-text-icon-spacing, 8px);
}
[dir=rtl] .mat-mdc-button .mdc-button__label + .mat-icon {
  margin-right: var(--mat-button-text-icon-spacing, 8px);
  margin-left: var(--mat-button-text-icon-offset, -4px);
}
.mat-mdc-button .mat-ripple-element {
  background-color: var(--mat-button-text-ripple-color, color-mix(in srgb, var(--mat-sys-primary) calc(var(--mat-sys-pressed-state-layer-opacity) * 100%), transparent));
}
.mat-mdc-button .mat-mdc-button-persistent-ripple::before {
  background-color: var(--mat-button-text-state-layer-color, var(--mat-sys-primary));
}
.mat-mdc-button.mat-mdc-button-disabled .mat-mdc-button-persistent-ripple::before {
  background-color: var(--mat-button-text-disabled-state-layer-color, var(--mat-sys-on-surface-variant));
}
.mat-mdc-button:hover > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-text-hover-state-layer-opacity, var(--mat-sys-hover-state-layer-opacity));
}
.mat-mdc-button.cdk-program-focused > .mat-mdc-button-persistent-ripple::before, .mat-mdc-button.cdk-keyboard-focused > .mat-mdc-button-persistent-ripple::before, .mat-mdc-button.mat-mdc-button-disabled-interactive:focus > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-text-focus-state-layer-opacity, var(--mat-sys-focus-state-layer-opacity));
}
.mat-mdc-button:active > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-text-pressed-state-layer-opacity, var(--mat-sys-pressed-state-layer-opacity));
}
.mat-mdc-button .mat-mdc-button-touch-target {
  position: absolute;
  top: 50%;
  height: var(--mat-button-text-touch-target-size, 48px);
  display: var(--mat-button-text-touch-target-display, block);
  left: 0;
  right: 0;
  transform: translateY(-50%);
}

.mat-mdc-unelevated-button {
  transition: box-shadow 280ms cubic-bezier(0.4, 0, 0.2, 1);
  height: var(--mat-button-filled-container-height, 40px);
  font-family: var(--mat-button-filled-label-text-font, var(--mat-sys-label-large-font));
  font-size: var(--mat-button-filled-label-text-size, var(--mat-sys-label-large-size));
  letter-spacing: var(--mat-button-filled-label-text-tracking, var(--mat-sys-label-large-tracking));
  text-transform: var(--mat-button-filled-label-text-transform);
  font-weight: var(--mat-button-filled-label-text-weight, var(--mat-sys-label-large-weight));
  padding: 0 var(--mat-button-filled-horizontal-padding, 24px);
}
.mat-mdc-unelevated-button > .mat-icon {
  margin-right: var(--mat-button-filled-icon-spacing, 8px);
  margin-left: var(--mat-button-filled-icon-offset, -8px);
}
[dir=rtl] .mat-mdc-unelevated-button > .mat-icon {
  margin-right: var(--mat-button-filled-icon-offset, -8px);
  margin-left: var(--mat-button-filled-icon-spacing, 8px);
}
.mat-mdc-unelevated-button .mdc-button__label + .mat-icon {
  margin-right: var(--mat-button-filled-icon-offset, -8px);
  margin-left: var(--mat-button-filled-icon-spacing, 8px);
}
[dir=rtl] .mat-mdc-unelevated-button .mdc-button__label + .mat-icon {
  margin-right: var(--mat-button-filled-icon-spacing, 8px);
  margin-left: var(--mat-button-filled-icon-offset, -8px);
}
.mat-mdc-unelevated-button .mat-ripple-element {
  background-color: var(--mat-button-filled-ripple-color, color-mix(in srgb, var(--mat-sys-on-primary) calc(var(--mat-sys-pressed-state-layer-opacity) * 100%), transparent));
}
.mat-mdc-unelevated-button .mat-mdc-button-persistent-ripple::before {
  background-color: var(--mat-button-filled-state-layer-color, var(--mat-sys-on-primary));
}
.mat-mdc-unelevated-button.mat-mdc-button-disabled .mat-mdc-button-persistent-ripple::before {
  background-color: var(--mat-button-filled-disabled-state-layer-color, var(--mat-sys-on-surface-variant));
}
.mat-mdc-unelevated-button:hover > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-filled-hover-state-layer-opacity, var(--mat-sys-hover-state-layer-opacity));
}
.mat-mdc-unelevated-button.cdk-program-focused > .mat-mdc-button-persistent-ripple::before, .mat-mdc-unelevated-button.cdk-keyboard-focused > .mat-mdc-button-persistent-ripple::before, .mat-mdc-unelevated-button.mat-mdc-button-disabled-interactive:focus > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-filled-focus-state-layer-opacity, var(--mat-sys-focus-state-layer-opacity));
}
.mat-mdc-unelevated-button:active > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-filled-pressed-state-layer-opacity, var(--mat-sys-pressed-state-layer-opacity));
}
.mat-mdc-unelevated-button .mat-mdc-button-touch-target {
  position: absolute;
  top: 50%;
  height: var(--mat-button-filled-touch-target-size, 48px);
  display: var(--mat-button-filled-touch-target-display, block);
  left: 0;
  right: 0;
  transform: translateY(-50%);
}
.mat-mdc-unelevated-button:not(:disabled) {
  color: var(--mat-button-filled-label-text-color, var(--mat-sys-on-primary));
  background-color: var(--mat-button-filled-container-color, var(--mat-sys-primary));
}
.mat-mdc-unelevated-button, .mat-mdc-unelevated-button .mdc-button__ripple {
  border-radius: var(--mat-button-filled-container-shape, var(--mat-sys-corner-full));
}
.mat-mdc-unelevated-button[disabled], .mat-mdc-unelevated-button.mat-mdc-button-disabled {
  cursor: default;
  pointer-events: none;
  color: var(--mat-button-filled-disabled-label-text-color, color-mix(in srgb, var(--mat-sys-on-surface) 38%, transparent));
  background-color: var(--mat-button-filled-disabled-container-color, color-mix(in srgb, var(--mat-sys-on-surface) 12%, transparent));
}
.mat-mdc-unelevated-button.mat-mdc-button-disabled-interactive {
  pointer-events: auto;
}

.mat-mdc-raised-button {
  transition: box-shadow 280ms cubic-bezier(0.4, 0, 0.2, 1);
  box-shadow: var(--mat-button-protected-container-elevation-shadow, var(--mat-sys-level1));
  height: var(--mat-button-protected-container-height, 40px);
  font-family: var(--mat-button-protected-label-text-font, var(--mat-sys-label-large-font));
  font-size: var(--mat-button-protected-label-text-size, var(--mat-sys-label-large-size));
  letter-spacing: var(--mat-button-protected-label-text-tracking, var(--mat-sys-label-large-tracking));
  text-transform: var(--mat-button-protected-label-text-transform);
  font-weight: var(--mat-button-protected-label-text-weight, var(--mat-sys-label-large-weight));
  padding: 0 var(--mat-button-protected-horizontal-padding, 24px);
}
.mat-mdc-raised-button > .mat-icon {
  margin-right: var(--mat-button-protected-icon-spacing, 8px);
  margin-left: var(--mat-button-protected-icon-offset, -8px);
}
[dir=rtl] .mat-mdc-raised-button > .mat-icon {
  margin-right: var(--mat-button-protected-icon-offset, -8px);
  margin-left: var(--mat-button-protected-icon-spacing, 8px);
}
.mat-mdc-raised-button .mdc-button__label + .mat-icon {
  margin-right: var(--mat-button-protected-icon-offset, -8px);
  margin-left: var(--mat-button-protected-icon-spacing, 8px);
}
[dir=rtl] .mat-mdc-raised-button .mdc-button__label + .mat-icon {
  margin-right: var(--mat-button-protected-icon-spacing, 8px);
  margin-left: var(--mat-button-protected-icon-offset, -8px);
}
.mat-mdc-raised-button .mat-ripple-element {
  background-color: var(--mat-button-protected-ripple-color, color-mix(in srgb, var(--mat-sys-primary) calc(var(--mat-sys-pressed-state-layer-opacity) * 100%), transparent));
}
.mat-mdc-raised-button .mat-mdc-button-persistent-ripple::before {
  background-color: var(--mat-button-protected-state-layer-color, var(--mat-sys-primary));
}
.mat-mdc-raised-button.mat-mdc-button-disabled .mat-mdc-button-persistent-ripple::before {
  background-color: var(--mat-button-protected-disabled-state-layer-color, var(--mat-sys-on-surface-variant));
}
.mat-mdc-raised-button:hover > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-protected-hover-state-layer-opacity, var(--mat-sys-hover-state-layer-opacity));
}
.mat-mdc-raised-button.cdk-program-focused > .mat-mdc-button-persistent-ripple::before, .mat-mdc-raised-button.cdk-keyboard-focused > .mat-mdc-button-persistent-ripple::before, .mat-mdc-raised-button.mat-mdc-button-disabled-interactive:focus > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-protected-focus-state-layer-opacity, var(--mat-sys-focus-state-layer-opacity));
}
.mat-mdc-raised-button:active > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-protected-pressed-state-layer-opacity, var(--mat-sys-pressed-state-layer-opacity));
}
.mat-mdc-raised-button .mat-mdc-button-touch-target {
  position: absolute;
  top: 50%;
  height: var(--mat-button-protected-touch-target-size, 48px);
  display: var(--mat-button-protected-touch-target-display, block);
  left: 0;
  right: 0;
  transform: translateY(-50%);
}
.mat-mdc-raised-button:not(:disabled) {
  color: var(--mat-button-protected-label-text-color, var(--mat-sys-primary));
  background-color: var(--mat-button-protected-container-color, var(--mat-sys-surface));
}
.mat-mdc-raised-button, .mat-mdc-raised-button .mdc-button__ripple {
  border-radius: var(--mat-button-protected-container-shape, var(--mat-sys-corner-full));
}
@media (hover: hover) {
  .mat-mdc-raised-button:hover {
    box-shadow: var(--mat-button-protected-hover-container-elevation-shadow, var(--mat-sys-level2));
  }
}
.mat-mdc-raised-button:focus {
  box-shadow: var(--mat-button-protected-focus-container-elevation-shadow, var(--mat-sys-level1));
}
.mat-mdc-raised-button:active, .mat-mdc-raised-button:focus:active {
  box-shadow: var(--mat-button-protected-pressed-container-elevation-shadow, var(--mat-sys-level1));
}
.mat-mdc-raised-button[disabled], .mat-mdc-raised-button.mat-mdc-button-disabled {
  cursor: default;
  pointer-events: none;
  color: var(--mat-button-protected-disabled-label-text-color, color-mix(in srgb, var(--mat-sys-on-surface) 38%, transparent));
  background-color: var(--mat-button-protected-disabled-container-color, color-mix(in srgb, var(--mat-sys-on-surface) 12%, transparent));
}
.mat-mdc-raised-button[disabled].mat-mdc-button-disabled, .mat-mdc-raised-button.mat-mdc-button-disabled.mat-mdc-button-disabled {
  box-shadow: var(--mat-button-protected-disabled-container-elevation-shadow, var(--mat-sys-level0));
}
.mat-mdc-raised-button.mat-mdc-button-disabled-interactive {
  pointer-events: auto;
}

.mat-mdc-outlined-button {
  border-style: solid;
  transition: border 280ms cubic-bezier(0.4, 0, 0.2, 1);
  height: var(--mat-button-outlined-container-height, 40px);
  font-family: var(--mat-button-outlined-label-text-font, var(--mat-sys-label-large-font));
  font-size: var(--mat-button-outlined-label-text-size, var(--mat-sys-label-large-size));
  letter-spacing: var(--mat-button-outlined-label-text-tracking, var(--mat-sys-label-large-tracking));
  text-transform: var(--mat-button-outlined-label-text-transform);
  font-weight: var(--mat-button-outlined-label-text-weight, var(--mat-sys-label-large-weight));
  border-radius: var(--mat-button-outlined-container-shape, var(--mat-sys-corner-full));
  border-width: var(--mat-button-outlined-outline-width, 1px);
  padding: 0 var(--mat-button-outlined-horizontal-padding, 24px);
}
.mat-mdc-outlined-button > .mat-icon {
  margin-right: var(--mat-button-outlined-icon-spacing, 8px);
  margin-left: var(--mat-button-outlined-icon-offset, -8px);
}
[dir=rtl] .mat-mdc-outlined-button > .mat-icon {
  margin-right: var(--mat-button-outlined-icon-offset, -8px);
  margin-left: var(--mat-button-outlined-icon-spacing, 8px);
}
.mat-mdc-outlined-button .mdc-button__label + .mat-icon {
  margin-right: var(--mat-button-outlined-icon-offset, -8px);
  margin-left: var(--mat-button-outlined-icon-spacing, 8px);
}
[dir=rtl] .mat-mdc-outlined-button .mdc-button__label + .mat-icon {
  margin-right: var(--mat-button-outlined-icon-spacing, 8px);
  margin-left: var(--mat-button-outlined-icon-offset, -8px);
}
.mat-mdc-outlined-button .mat-ripple-element {
  background-color: var(--mat-button-outlined-ripple-color, color-mix(in srgb, var(--mat-sys-primary) calc(var(--mat-sys-pressed-state-layer-opacity) * 100%), transparent));
}
.mat-mdc-outlined-button .mat-mdc-button-persistent-ripple::before {
  background-color: var(--mat-button-outlined-state-layer-color, var(--mat-sys-primary));
}
.mat-mdc-outlined-button.mat-mdc-button-disabled .mat-mdc-button-persistent-ripple::before {
  background-color: var(--mat-button-outlined-disabled-state-layer-color, var(--mat-sys-on-surface-variant));
}
.mat-mdc-outlined-button:hover > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-outlined-hover-state-layer-opacity, var(--mat-sys-hover-state-layer-opacity));
}
.mat-mdc-outlined-button.cdk-program-focused > .mat-mdc-button-persistent-ripple::before, .mat-mdc-outlined-button.cdk-keyboard-focused > .mat-mdc-button-persistent-ripple::before, .mat-mdc-outlined-button.mat-mdc-button-disabled-interactive:focus > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-outlined-focus-state-layer-opacity, var(--mat-sys-focus-state-layer-opacity));
}
.mat-mdc-outlined-button:active > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-outlined-pressed-state-layer-opacity, var(--mat-sys-pressed-state-layer-opacity));
}
.mat-mdc-outlined-button .mat-mdc-button-touch-target {
  position: absolute;
  top: 50%;
  height: var(--mat-button-outlined-touch-target-size, 48px);
  display: var(--mat-button-outlined-touch-target-display, block);
  left: 0;
  right: 0;
  transform: translateY(-50%);
}
.mat-mdc-outlined-button:not(:disabled) {
  color: var(--mat-button-outlined-label-text-color, var(--mat-sys-primary));
  border-color: var(--mat-button-outlined-outline-color, var(--mat-sys-outline));
}
.mat-mdc-outlined-button[disabled], .mat-mdc-outlined-button.mat-mdc-button-disabled {
  cursor: default;
  pointer-events: none;
  color: var(--mat-button-outlined-disabled-label-text-color, color-mix(in srgb, var(--mat-sys-on-surface) 38%, transparent));
  border-color: var(--mat-button-outlined-disabled-outline-color, color-mix(in srgb, var(--mat-sys-on-surface) 12%, transparent));
}
.mat-mdc-outlined-button.mat-mdc-button-disabled-interactive {
  pointer-events: auto;
}

.mat-tonal-button {
  transition: box-shadow 280ms cubic-bezier(0.4, 0, 0.2, 1);
  height: var(--mat-button-tonal-container-height, 40px);
  font-family: var(--mat-button-tonal-label-text-font, var(--mat-sys-label-large-font));
  font-size: var(--mat-button-tonal-label-text-size, var(--mat-sys-label-large-size));
  letter-spacing: var(--mat-button-tonal-label-text-tracking, var(--mat-sys-label-large-tracking));
  text-transform: var(--mat-button-tonal-label-text-transform);
  font-weight: var(--mat-button-tonal-label-text-weight, var(--mat-sys-label-large-weight));
  padding: 0 var(--mat-button-tonal-horizontal-padding, 24px);
}
.mat-tonal-button:not(:disabled) {
  color: var(--mat-button-tonal-label-text-color, var(--mat-sys-on-secondary-container));
  background-color: var(--mat-button-tonal-container-color, var(--mat-sys-secondary-container));
}
.mat-tonal-button, .mat-tonal-button .mdc-button__ripple {
  border-radius: var(--mat-button-tonal-container-shape, var(--mat-sys-corner-full));
}
.mat-tonal-button[disabled], .mat-tonal-button.mat-mdc-button-disabled {
  cursor: default;
  pointer-events: none;
  color: var(--mat-button-tonal-disabled-label-text-color, color-mix(in srgb, var(--mat-sys-on-surface) 38%, transparent));
  background-color: var(--mat-button-tonal-disabled-container-color, color-mix(in srgb, var(--mat-sys-on-surface) 12%, transparent));
}
.mat-tonal-button.mat-mdc-button-disabled-interactive {
  pointer-events: auto;
}
.mat-tonal-button > .mat-icon {
  margin-right: var(--mat-button-tonal-icon-spacing, 8px);
  margin-left: var(--mat-button-tonal-icon-offset, -8px);
}
[dir=rtl] .mat-tonal-button > .mat-icon {
  margin-right: var(--mat-button-tonal-icon-offset, -8px);
  margin-left: var(--mat-button-tonal-icon-spacing, 8px);
}
.mat-tonal-button .mdc-button__label + .mat-icon {
  margin-right: var(--mat-button-tonal-icon-offset, -8px);
  margin-left: var(--mat-button-tonal-icon-spacing, 8px);
}
[dir=rtl] .mat-tonal-button .mdc-button__label + .mat-icon {
  margin-right: var(--mat-button-tonal-icon-spacing, 8px);
  margin-left: var(--mat-button-tonal-icon-offset, -8px);
}
.mat-tonal-button .mat-ripple-element {
  background-color: var(--mat-button-tonal-ripple-color, color-mix(in srgb, var(--mat-sys-on-secondary-container) calc(var(--mat-sys-pressed-state-layer-opacity) * 100%), transparent));
}
.mat-tonal-button .mat-mdc-button-persistent-ripple::before {
  background-color: var(--mat-button-tonal-state-layer-color, var(--mat-sys-on-secondary-container));
}
.mat-tonal-button.mat-mdc-button-disabled .mat-mdc-button-persistent-ripple::before {
  background-color: var(--mat-button-tonal-disabled-state-layer-color, var(--mat-sys-on-surface-variant));
}
.mat-tonal-button:hover > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-tonal-hover-state-layer-opacity, var(--mat-sys-hover-state-layer-opacity));
}
.mat-tonal-button.cdk-program-focused > .mat-mdc-button-persistent-ripple::before, .mat-tonal-button.cdk-keyboard-focused > .mat-mdc-button-persistent-ripple::before, .mat-tonal-button.mat-mdc-button-disabled-interactive:focus > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-tonal-focus-state-layer-opacity, var(--mat-sys-focus-state-layer-opacity));
}
.mat-tonal-button:active > .mat-mdc-button-persistent-ripple::before {
  opacity: var(--mat-button-tonal-pressed-state-layer-opacity, var(--mat-sys-pressed-state-layer-opacity));
}
.mat-tonal-button .mat-mdc-button-touch-target {
  position: absolute;
  top: 50%;
  height: var(--mat-button-tonal-touch-target-size, 48px);
  display: var(--mat-button-tonal-touch-target-display, block);
  left: 0;
  right: 0;
  transform: translateY(-50%);
}

.mat-mdc-button,
.mat-mdc-unelevated-button,
.mat-mdc-raised-button,
.mat-mdc-outlined-button,
.mat-tonal-button {
  -webkit-tap-highlight-color: transparent;
}
.mat-mdc-button .mat-mdc-button-ripple,
.mat-mdc-button .mat-mdc-button-persistent-ripple,
.mat-mdc-button .mat-mdc-button-persistent-ripple::before,
.mat-mdc-unelevated-button .mat-mdc-button-ripple,
.mat-mdc-unelevated-button .mat-mdc-button-persistent-ripple,
.mat-mdc-unelevated-button .mat-mdc-button-persistent-ripple::before,
.mat-mdc-raised-button .mat-mdc-button-ripple,
.mat-mdc-raised-button .mat-mdc-button-persistent-ripple,
.mat-mdc-raised-button .mat-mdc-button-persistent-ripple::before,
.mat-mdc-outlined-button .mat-mdc-button-ripple,
.mat-mdc-outlined-button .mat-mdc-button-persistent-ripple,
.mat-mdc-outlined-button .mat-mdc-button-persistent-ripple::before,
.mat-tonal-button .mat-mdc-button-ripple,
.mat-tonal-button .mat-mdc-button-persistent-ripple,
.mat-tonal-button .mat-mdc-button-persistent-ripple::before {
  top: 0;
  left: 0;
  right: 0;
  bottom: 0;
  position: absolute;
  pointer-events: none;
  border-radius: inherit;
}
.mat-mdc-button .mat-mdc-button-ripple,
.mat-mdc-unelevated-button .mat-mdc-button-ripple,
.mat-mdc-raised-button .mat-mdc-button-ripple,
.mat-mdc-outlined-button .mat-mdc-button-ripple,
.mat-tonal-button .mat-mdc-button-ripple {
  overflow: hidden;
}
.mat-mdc-button .mat-mdc-button-persistent-ripple::before,
.mat-mdc-unelevated-button .mat-mdc-button-persistent-ripple::before,
.mat-mdc-raised-button .mat-mdc-button-persistent-ripple::before,
.mat-mdc-outlined-button .mat-mdc-button-persistent-ripple::before,
.mat-tonal-button .mat-mdc-button-persistent-ripple::before {
  content: "";
  opacity: 0;
}
.mat-mdc-button .mdc-button__label,
.mat-mdc-button .mat-icon,
.mat-mdc-unelevated-button .mdc-button__label,
.mat-mdc-unelevated-button .mat-icon,
.mat-mdc-raised-button .mdc-button__label,
.mat-mdc-raised-button .mat-icon,
.mat-mdc-outlined-button .mdc-button__label,
.mat-mdc-outlined-button .mat-icon,
.mat-tonal-button .mdc-button__label,
.mat-tonal-button .mat-icon {
  z-index: 1;
  position: relative;
}
.mat-mdc-button .mat-focus-indicator,
.mat-mdc-unelevated-button .mat-focus-indicator,
.mat-mdc-raised-button .mat-focus-indicator,
.mat-mdc-outlined-button .mat-focus-indicator,
.mat-tonal-button .mat-focus-indicator {
  top: 0;
  left: 0;
  right: 0;
  bottom: 0;
  position: absolute;
  border-radius: inherit;
}
.mat-mdc-button:focus-visible > .mat-focus-indicator::before,
.mat-mdc-unelevated-button:focus-visible > .mat-focus-indicator::before,
.mat-mdc-raised-button:focus-visible > .mat-focus-indicator::before,
.mat-mdc-outlined-button:focus-visible > .mat-focus-indicator::before,
.mat-tonal-button:focus-visible > .mat-focus-indicator::before {
  content: "";
  border-radius: inherit;
}
.mat-mdc-button._mat-animation-noopable,
.mat-mdc-unelevated-button._mat-animation-noopable,
.mat-mdc-raised-button._mat-animation-noopable,
.mat-mdc-outlined-button._mat-animation-noopable,
.mat-tonal-button._mat-animation-noopable {
  transition: none !important;
  animation: none !important;
}
.mat-mdc-button > .mat-icon,
.mat-mdc-unelevated-button > .mat-icon,
.mat-mdc-raised-button > .mat-icon,
.mat-mdc-outlined-button > .mat-icon,
.mat-tonal-button > .mat-icon {
  display: inline-block;
  position: relative;
  vertical-align: top;
  font-size: 1.125rem;
  height: 1.125rem;
  width: 1.125rem;
}

.mat-mdc-outlined-button .mat-mdc-button-ripple,
.mat-mdc-outlined-button .mdc-button__ripple {
  top: -1px;
  left: -1px;
  bottom: -1px;
  right: -1px;
}

.mat-mdc-unelevated-button .mat-focus-indicator::before,
.mat-tonal-button .mat-focus-indicator::before,
.mat-mdc-raised-button .mat-focus-indicator::before {
  margin: calc(calc(var(--mat-focus-indicator-border-width, 3px) + 2px) * -1);
}

.mat-mdc-outlined-button .mat-focus-indicator::before {
  margin: calc(calc(var(--mat-focus-indicator-border-width, 3px) + 3px) * -1);
}
`,`@media (forced-colors: active) {
  .mat-mdc-button:not(.mdc-button--outlined),
  .mat-mdc-unelevated-button:not(.mdc-button--outlined),
  .mat-mdc-raised-button:not(.mdc-button--outlined),
  .mat-mdc-outlined-button:not(.mdc-button--outlined),
  .mat-mdc-button-base.mat-tonal-button,
  .mat-mdc-icon-button.mat-mdc-icon-button,
  .mat-mdc-outlined-button .mdc-button__ripple {
    outline: solid 1px;
  }
}
`],encapsulation:2,changeDetection:0})}return r})();function di(r){return r.hasAttribute("mat-raised-button")?"elevated":r.hasAttribute("mat-stroked-button")?"outlined":r.hasAttribute("mat-flat-button")?"filled":r.hasAttribute("mat-button")?"text":null}export{$n as a,Dn as b,An as c,jn as d,On as e,Ln as f,In as g,Lo as h,hn as i,cv as j,lv as k,dv as l,Fo as m,uv as n,fv as o,bv as p,hv as q,ko as r,Bo as s,Rr as t,$v as u,Tr as v,D as w,A as x,Sr as y,F as z,Jn as A,N as B,zn as C,Ar as D,xH as E,Or as F,zr as G,Gr as H,LH as I,Wn as J,ct as K,XH as L,tR as M,nR as N,rR as O,mR as P,Pn as Q,bR as R,gR as S,ii as T,pi as U,nP as V,iP as W};
